"""A mail says why in the words of a customer, for the reasons that are a customer's business and for no others."""

import re
from datetime import date

import orjson
import pytest

from allocation_service.application.session.published_reason import published_reason
from allocation_service.domain import reasons as allocation
from allocation_service.domain.policies.policy import Share
from allocation_service.wording.reason_words import published_words
from notification_service.adapters.template_renderer import LANGUAGES, TemplateRenderer
from notification_service.application.notifications.template_data import template_data_of
from notification_service.application.ports.mail import Mail, MailContent, Recipient
from notification_service.domain.customer_reasons import CUSTOMER_REASONS, customer_reason
from notification_service.domain.lines import ChangeKind, LineChange
from notification_service.domain.messages import compose_message
from notification_service.domain.orders import OrderProjection
from notification_service.domain.reasons import NO_REASON, Reason

JUNE, JULY = date(2026, 6, 3), date(2026, 7, 1)
DECLINED, TAKEN_BACK, BACKORDER = ChangeKind.DECLINED, ChangeKind.TAKEN_BACK, ChangeKind.PLACED_ON_BACKORDER
TOLD = [
    (DECLINED, allocation.DISCONTINUED),
    (DECLINED, allocation.stock_only(1, 3)),
    (DECLINED, allocation.cap_reached(77)),
    (DECLINED, allocation.too_late(None, JUNE)),
    (DECLINED, allocation.too_late(JULY, JUNE)),
    (DECLINED, allocation.OTHER_LINE_DECLINED),
    (TAKEN_BACK, allocation.TAKEN_BACK),
    (TAKEN_BACK, allocation.shared_loss(Share.MAX_MIN)),
    (TAKEN_BACK, allocation.RELEASED),
    (TAKEN_BACK, allocation.INCOMPLETE),
    (TAKEN_BACK, allocation.kept_for_it(77)),
    (BACKORDER, allocation.INCOMPLETE),
    (BACKORDER, allocation.kept_for_it(77)),
]
"""Each kind of change with each reason that is told of it, as allocation makes it."""
NOT_TOLD = {
    "granted", "supply_ran_out", "held_back", "quota_used_up", "kept_for_passed_order", "decided_separately",
    "behind_deferred_order", "selling_mode_unknown", "lent", "borrowed", "loan_repaid", "granted_by_run",
    "taken_back_by_run", "unchanged_by_run", "unrecognised",
}  # fmt: skip
"""Reasons about how stock is divided among customers, and those that say no more than the change itself."""
RENDERER = TemplateRenderer("shop.example")


def heard(reason: allocation.Reason) -> Reason:
    """A reason as the events bring it."""
    published = published_reason(reason, published_words)
    parameters = orjson.loads(orjson.dumps(published.parameters or {}))
    return Reason(published.words, published.code, parameters)


def change(kind: ChangeKind, reason: Reason) -> LineChange:
    return LineChange(kind, "l1", "lamp", 2, 0, None, None, reason)


def mail(changed: LineChange, locale: str) -> Mail:
    message = compose_message([changed])
    assert message is not None
    order = OrderProjection("o1", 1, "R-1", "c1")
    data = template_data_of(order, message, {"lamp": "Lamp"})
    return RENDERER.render(MailContent("n1", message.template.value, data, Recipient("ada@example.com", locale, "UTC")))


def why_in(text: str) -> str:
    """What the text of a mail says below its only line."""
    found = re.search(r"^- 2 × Lamp[^\n]*\n  (.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def test_every_reason_of_allocation_is_told_or_deliberately_not() -> None:
    told = {code for codes in CUSTOMER_REASONS.values() for code in codes}
    assert told | NOT_TOLD == {code.value for code in allocation.ReasonCode}
    assert not told & NOT_TOLD
    assert {(kind, reason.code.value) for kind, reason in TOLD} == {
        (kind, code) for kind, codes in CUSTOMER_REASONS.items() for code in codes
    }


@pytest.mark.parametrize(("kind", "reason"), TOLD, ids=[f"{kind}-{reason.code}" for kind, reason in TOLD])
def test_each_has_a_sentence_in_every_language_in_text_and_html(kind: ChangeKind, reason: allocation.Reason) -> None:
    sentences = set()
    for locale in LANGUAGES:
        rendered = mail(change(kind, heard(reason)), locale)
        why = why_in(rendered.text)
        assert re.fullmatch(r"[A-Z][^{}_]+\.", why), why
        assert why in rendered.html
        assert "77" not in why
        sentences.add(why)
    assert len(sentences) == len(LANGUAGES)


def test_days_are_written_as_the_locale_does() -> None:
    late = change(DECLINED, heard(allocation.too_late(JULY, JUNE)))
    assert why_in(mail(late, "en-GB").text) == (
        "We do not expect this item before 1 July 2026, and the latest date that suits you is 3 June 2026."
    )
    assert why_in(mail(late, "de-DE").text) == (
        "Wir erwarten diesen Artikel nicht vor dem 1. Juli 2026,"
        " und der späteste Termin, der Ihnen passt, ist der 3. Juni 2026."
    )


@pytest.mark.parametrize("kind", ChangeKind)
@pytest.mark.parametrize("code", [*sorted(NOT_TOLD), "of_a_newer_version", None])
def test_no_other_reason_is_told(kind: ChangeKind, code: str | None) -> None:
    internal = change(kind, Reason("", code, {"tier": "gold", "kept": 12}))
    assert customer_reason(internal) is None
    for locale in LANGUAGES:
        rendered = mail(internal, locale)
        assert why_in(rendered.text) == ""
        assert "<br>" not in rendered.html


def test_a_reason_that_does_not_fit_the_change_is_about_other_units() -> None:
    assert customer_reason(change(ChangeKind.ALLOCATED, heard(allocation.INCOMPLETE))) is None
    assert customer_reason(change(BACKORDER, heard(allocation.DISCONTINUED))) is None


@pytest.mark.parametrize("day", [None, "soon", 7])
def test_a_reason_without_its_days_is_not_told(day: str | int | None) -> None:
    parameters: dict[str, str | bool | int] = {"expected": "2026-07-01"}
    if day is not None:
        parameters["acceptable"] = day
    assert customer_reason(change(DECLINED, Reason("", "promised_too_late", parameters))) is None


def test_what_stands_of_a_reason_in_a_notification_is_what_is_told_of_it() -> None:
    capped = customer_reason(change(DECLINED, heard(allocation.cap_reached(77))))
    assert capped == Reason("", "backorder_cap_reached", {})
    late = customer_reason(change(DECLINED, heard(allocation.too_late(JULY, JUNE))))
    assert late == Reason("", "promised_too_late", {"expected": "2026-07-01", "acceptable": "2026-06-03"})


def test_a_notification_from_before_there_were_codes_is_sent_again_as_it_was() -> None:
    message = compose_message([change(DECLINED, NO_REASON)])
    assert message is not None
    data = template_data_of(OrderProjection("o1", 1, "R-1", "c1"), message, {"lamp": "Lamp"})
    [stored] = data["sections"][0]["changes"]
    del stored["reason_code"], stored["reason_parameters"]
    rendered = RENDERER.render(MailContent("n1", "declined", data, Recipient("ada@example.com", "en", "UTC")))
    assert why_in(rendered.text) == ""
