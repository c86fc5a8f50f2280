"""How the story writes amounts and days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


def dollars(cents: int) -> str:
    """An amount of the story, all of which is in US dollars."""
    return f"${cents // 100}.{cents % 100:02}"


def day(when: date | str) -> str:
    """A day, such as `7 Nov`; ISO 8601 is read."""
    read = when if isinstance(when, date) else date.fromisoformat(when[:10])
    return f"{read.day} {read:%b}"


def moment(text: str) -> datetime:
    """A moment of the API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def last_day(end: str, zone: str) -> date:
    """The day before a moment that ends a day of the zone: a deadline at midnight belongs to that day."""
    return (moment(end) - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date()
