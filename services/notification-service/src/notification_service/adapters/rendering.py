"""Messages in words: Jinja templates in the contact's language, dates as its locale writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined

from notification_service.application.records import ClaimedMail, Mail

LANGUAGES = ("en", "de")
FALLBACK = "en"


def parse_locale(tag: str) -> Locale:
    """The locale of a BCP 47 tag such as ``de-AT``; ValueError for one that is not known."""
    try:
        return Locale.parse(tag.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise ValueError("not a known locale") from error


@dataclass(frozen=True, slots=True)
class _Formats:
    """How one contact writes days and numbers. Promise dates are days already and know no zone."""

    locale: Locale
    zone: tzinfo

    def day(self, value: str | None) -> str:
        """An ISO day in words, empty for none."""
        return _day(date.fromisoformat(value), self.locale) if value else ""

    def day_of(self, value: str | None) -> str:
        """The day that an ISO moment is in the contact's zone, in words."""
        if not value:
            return ""
        return _day(datetime.fromisoformat(value).astimezone(self.zone).date(), self.locale)

    def number(self, value: int) -> str:
        """A count with the locale's grouping."""
        return _number(value, self.locale)


# The same few days and quantities stand in most messages of a batch.
@lru_cache(maxsize=4096)
def _day(value: date, locale: Locale) -> str:
    return format_date(value, "long", locale)


@lru_cache(maxsize=4096)
def _number(value: int, locale: Locale) -> str:
    return format_decimal(value, locale=locale)


def _environment(*, escaped: bool) -> Environment:
    return Environment(
        loader=PackageLoader("notification_service.adapters", "templates"),
        autoescape=escaped,  # noqa: S701 - off for plain text only
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class TemplateRenderer:
    """Renders subject, plain text and HTML; a language without templates falls back to English."""

    def __init__(self, mail_domain: str) -> None:
        self._domain = mail_domain
        self._plain = _environment(escaped=False)
        self._html = _environment(escaped=True)

    def render(self, claim: ClaimedMail) -> Mail:
        """The message of a claim whose contact is known; ValueError without one."""
        if claim.email is None or claim.locale is None or claim.time_zone is None:
            raise ValueError("a message without a contact has no words")
        locale = parse_locale(claim.locale)
        language = locale.language if locale.language in LANGUAGES else FALLBACK
        formats = _Formats(locale if language == locale.language else Locale(FALLBACK), ZoneInfo(claim.time_zone))
        context: Mapping[str, Any] = {
            "language": language,
            "template": claim.template,
            "f": formats,
            "order": claim.facts,
            "sections": claim.facts["sections"],
        }
        subject = self._plain.get_template("subject.j2").render(context)
        return Mail(
            notification_id=claim.notification_id,
            template=claim.template,
            message_id=f"<{claim.notification_id}@{self._domain}>",
            recipient=claim.email,
            locale=str(formats.locale).replace("_", "-"),
            # A header is one line, whatever an order's reference holds.
            subject=" ".join(subject.split()),
            text=self._plain.get_template("message.txt.j2").render(context).strip() + "\n",
            html=self._html.get_template("message.html.j2").render(context),
        )
