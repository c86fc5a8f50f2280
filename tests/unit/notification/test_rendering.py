"""Mails are in the contact's language, with its dates and time zone, and escape what others wrote."""

from typing import Any

import pytest

from notification_service.adapters.template_renderer import TemplateRenderer
from notification_service.application.locales import parse_locale
from notification_service.application.ports.mail import MailContent, Recipient
from notification_service.domain.lines import ChangeKind

CHANGE = {
    "line_id": "l1",
    "sku": "85123A",
    "name": "Lamp <b>&",
    "quantity": 1200,
    "waiting": 3,
    "promise_date": "2026-01-05",
    "previous_date": "2025-12-24",
    "reason": "",
}


def content(kind: ChangeKind, locale: str, zone: str = "UTC", **more: Any) -> MailContent:
    sections = [{"kind": kind.value, "changes": [{**CHANGE, "kind": kind.value}]}]
    data = {"reference": "R-1", "placed_at": "2025-12-01T23:30:00+00:00", "sections": sections, **more}
    return MailContent("n1", kind.value, data, Recipient("ada@example.com", locale, zone))


RENDERER = TemplateRenderer("shop.example")


@pytest.mark.parametrize("kind", list(ChangeKind))
@pytest.mark.parametrize("locale", ["en", "de"])
def test_every_template_has_subject_text_and_html_in_each_language(kind: ChangeKind, locale: str) -> None:
    mail = RENDERER.render(content(kind, locale))
    assert "R-1" in mail.subject
    assert "\n" not in mail.subject
    assert "Lamp <b>&" in mail.text
    assert f'<html lang="{locale}">' in mail.html


def test_subjects_tell_the_templates_apart() -> None:
    for locale in ("en", "de"):
        subjects = {RENDERER.render(content(kind, locale)).subject for kind in ChangeKind}
        assert len(subjects) == len(ChangeKind)


def test_names_are_escaped_in_html_only() -> None:
    mail = RENDERER.render(content(ChangeKind.ALLOCATED, "en"))
    assert "Lamp &lt;b&gt;&amp;" in mail.html
    assert "<b>" not in mail.html


def test_dates_and_numbers_are_written_as_the_locale_does() -> None:
    austrian = RENDERER.render(content(ChangeKind.DATE_MOVED, "de-AT", "Europe/Vienna"))
    american = RENDERER.render(content(ChangeKind.DATE_MOVED, "en-US", "America/New_York"))
    assert "1.200 ×" in austrian.text
    assert "5. Jänner 2026" in austrian.text
    assert "24. Dezember 2025" in austrian.text
    assert "1,200 ×" in american.text
    assert "January 5, 2026" in american.text


def test_days_are_those_of_the_contacts_zone_and_promise_dates_stay() -> None:
    # 23:30 UTC on the 1st is the 2nd in Vienna and still the 1st in New York.
    vienna = RENDERER.render(content(ChangeKind.ALLOCATED, "en-GB", "Europe/Vienna"))
    new_york = RENDERER.render(content(ChangeKind.ALLOCATED, "en-GB", "America/New_York"))
    assert "2 December 2025" in vienna.text
    assert "1 December 2025" in new_york.text
    assert "5 January 2026" in vienna.text
    assert "5 January 2026" in new_york.text


def test_a_language_without_texts_is_written_to_in_english_throughout() -> None:
    mail = RENDERER.render(content(ChangeKind.DATE_MOVED, "fr-FR"))
    assert "January 5, 2026" in mail.text
    assert mail.locale == "en"


def test_a_reference_cannot_add_header_lines() -> None:
    mail = RENDERER.render(content(ChangeKind.ALLOCATED, "en", reference="R\r\nBcc: x@example.com"))
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject


def test_the_message_id_is_the_notifications_own() -> None:
    assert RENDERER.render(content(ChangeKind.ALLOCATED, "de")).message_id == "<n1@shop.example>"


@pytest.mark.parametrize("tag", ["", "xx-nowhere-else", "12", "de-AT-foo-bar-baz!"])
def test_unknown_locales_are_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="locale"):
        parse_locale(tag)
