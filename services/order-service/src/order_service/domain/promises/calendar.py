"""Days of the law: a day ends at midnight of its time zone, whatever the clocks did in between."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SATURDAY = 5


def end_of_day(day: date, zone: str) -> datetime:
    """The moment, in UTC, at which ``day`` is over in ``zone``: the first moment of the next day there.

    Where midnight does not exist, because the clocks go forward over it, that is the moment at which they do. Where
    a whole day was left out, as in Samoa in 2011, it ends when it would have begun.
    """
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def day_of(at: datetime, zone: str) -> date:
    """The day that it is in ``zone`` at this moment."""
    return at.astimezone(ZoneInfo(zone)).date()


def add_working_days(day: date, days: int) -> date:
    """The day that is ``days`` working days after ``day``, which itself does not count.

    Working days are Monday to Friday. Public holidays count as working days, so that the result is never later than
    by a calendar that leaves them out.
    """
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < _SATURDAY
    return day
