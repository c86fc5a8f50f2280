"""Instants and days as text: the one place that reads them, whoever sent them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

EARLIEST_YEAR, LATEST_YEAR = 1900, 2999
"""Years outside are typing errors, and too close to the ends of what programs and databases can count."""

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

NOT_AN_INSTANT = "must be a date and time with its offset from UTC, as in 2026-05-04T10:00:00Z"
NOT_A_DAY = "must be a date as in 2026-05-04"


def parse_instant(text: str) -> datetime:
    """The instant that a date and time with an offset names (RFC 3339, section 5.6), in UTC.

    Seconds may be left out. Digits beyond microseconds are dropped. Raises ValueError for any other form, such as a
    count of seconds; for a time that does not exist; and for a year before 1900 or after 2999. Its text says what is
    expected and does not quote what was given.
    """
    if _INSTANT.fullmatch(text) is None:
        raise ValueError(NOT_AN_INSTANT)
    try:
        instant = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(NOT_AN_INSTANT) from None
    return in_utc(instant)


def parse_day(text: str) -> date:
    """The calendar day that ``YYYY-MM-DD`` names (RFC 3339, full-date).

    Raises ValueError, as ``parse_instant`` does, for another form, for a day that does not exist, and for a year
    before 1900 or after 2999.
    """
    if _DAY.fullmatch(text) is None:
        raise ValueError(NOT_A_DAY)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(NOT_A_DAY) from None
    check_year(day.year)
    return day


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC; ValueError for one without an offset, or of a year before 1900 or after 2999."""
    if instant.tzinfo is None:
        raise ValueError(NOT_AN_INSTANT)
    check_year(instant.year)
    return instant.astimezone(UTC)


def check_year(year: int) -> None:
    """Raise ValueError for a year before 1900 or after 2999."""
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise ValueError(f"must lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
