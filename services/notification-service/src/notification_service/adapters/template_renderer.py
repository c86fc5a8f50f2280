"""Rendering notifications: Jinja templates in the contact's language, with its locale's dates and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined

from notification_service.application.locales import parse_locale
from notification_service.application.ports.mail import Mail, MailContent
from notification_service.domain.delay_notices import DELAY_NOTICE
from notification_service.domain.payment_problems import PAYMENT_PROBLEM

LANGUAGES = ("en", "de")
FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class _Formats:
    """How one contact writes days and numbers. Promise dates are days already and have no time zone."""

    locale: Locale
    zone: tzinfo

    def day(self, value: str | None) -> str:
        """An ISO date as the locale writes it; empty for None."""
        return _day(date.fromisoformat(value), self.locale) if value else ""

    def day_of(self, value: str | None) -> str:
        """The date of an ISO date-time in the contact's time zone, as the locale writes it; empty for None."""
        if not value:
            return ""
        return _day(datetime.fromisoformat(value).astimezone(self.zone).date(), self.locale)

    def moment(self, value: str | None, zone: str | None = None) -> str:
        """The last second before an ISO date-time, in the time zone that it is meant in, or in the contact's; empty
        for None."""
        if not value:
            return ""
        at = datetime.fromisoformat(value).astimezone(ZoneInfo(zone) if zone else self.zone) - timedelta(seconds=1)
        return f"{format_datetime(at, 'long', locale=self.locale)}"

    def number(self, value: int) -> str:
        """A count with the locale's grouping."""
        return _number(value, self.locale)


# Most messages of a batch have the same few dates and quantities.
@lru_cache(maxsize=4096)
def _day(value: date, locale: Locale) -> str:
    return format_date(value, "long", locale)


@lru_cache(maxsize=4096)
def _number(value: int, locale: Locale) -> str:
    return format_decimal(value, locale=locale)


_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
"""White space, control characters and marks that reverse the direction of the text after them."""


def one_line(value: Any) -> Any:
    """``value``, JSON data, with each text in it as one printable line: no value adds lines of its own to a mail."""
    if isinstance(value, str):
        return _UNPRINTABLE.sub(" ", value).strip()
    if isinstance(value, Mapping):
        return {key: one_line(item) for key, item in value.items()}
    return [one_line(item) for item in value] if isinstance(value, list | tuple) else value


def _environment(*, escaped: bool) -> Environment:
    return Environment(
        loader=PackageLoader("notification_service.adapters", "templates"),
        autoescape=escaped,  # noqa: S701 - off for plain text only
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class TemplateRenderer:
    """Renders subject, plain text and HTML. Contacts whose language has no templates are written to in English."""

    def __init__(self, mail_domain: str) -> None:
        self._domain = mail_domain
        self._plain = _environment(escaped=False)
        self._html = _environment(escaped=True)

    def render(self, content: MailContent) -> Mail:
        """See Renderer."""
        recipient = content.recipient
        locale = parse_locale(recipient.locale)
        language = locale.language if locale.language in LANGUAGES else FALLBACK
        formats = _Formats(locale if language == locale.language else Locale(FALLBACK), ZoneInfo(recipient.time_zone))
        data = one_line(content.template_data)
        context: Mapping[str, Any] = {
            "language": language,
            "template": content.template,
            "f": formats,
            "order": data,
            "sections": data["sections"],
        }
        name = content.template if content.template in (DELAY_NOTICE, PAYMENT_PROBLEM) else "message"
        subject = self._plain.get_template("subject.j2").render(context)
        return Mail(
            notification_id=content.notification_id,
            template=content.template,
            message_id=f"<{content.notification_id}@{self._domain}>",
            recipient=recipient.email,
            locale=str(formats.locale).replace("_", "-"),
            # The template's own line breaks.
            subject=" ".join(subject.split()),
            text=self._plain.get_template(f"{name}.txt.j2").render(context).strip() + "\n",
            html=self._html.get_template(f"{name}.html.j2").render(context),
        )
