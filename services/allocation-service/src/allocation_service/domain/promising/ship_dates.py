"""When units that are there leave: handling, in the working days of the locations that may ship them.

A promise names the day by which units are there, in UTC. They may come as late as that day ends, so that a location
whose cut-off has passed by then handles them from its next working day on. What is on hand today is there now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""By their number, as ``date.weekday`` counts."""

_DAY = timedelta(days=1)


class HandlingCalendar(NamedTuple):
    """By which days a location ships. ``cut_off``: local time from which on what is there is handled on the next
    working day, None where there is none. ``handling_days``: working days. ``holidays``: ascending."""

    time_zone: str = "UTC"
    cut_off: time | None = None
    handling_days: int = 0
    working_days: tuple[str, ...] = WEEKDAYS
    holidays: tuple[date, ...] = ()


ALWAYS_OPEN = HandlingCalendar()
"""Of a location that states nothing: units leave on the day that they are there."""

Calendars = Mapping[str, HandlingCalendar]
"""By location; those that are always open are left out."""


def ship_day(there_at: datetime, calendar: HandlingCalendar) -> date:
    """The day, of the location, on which units leave that are there at a moment."""
    zone, holidays = ZoneInfo(calendar.time_zone), frozenset(calendar.holidays)
    numbers = frozenset(map(WEEKDAYS.index, calendar.working_days))
    day = there_at.astimezone(zone).date()
    if calendar.cut_off is not None and there_at >= _moment(day, calendar.cut_off, zone):
        day += _DAY
    left = calendar.handling_days
    while True:
        if day.weekday() in numbers and day not in holidays:
            if left == 0:
                return day
            left -= 1
        day += _DAY


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """In UTC, because times of one zone are compared as clocks show them; the first one where clocks show it twice."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def there_at(day: date, now: datetime) -> datetime:
    """The moment by which units are there that are promised for a day: now for today, or else its end."""
    return now if day <= now.date() else datetime.combine(day + _DAY, time(), UTC) - timedelta(microseconds=1)


class Handling(NamedTuple):
    """The locations that may ship a SKU, with the calendars of those that have one."""

    calendars: tuple[tuple[str, HandlingCalendar], ...]

    def ship_by(self, day: date, now: datetime) -> date:
        """The day by which units leave that are promised for ``day``, whichever location ships them."""
        moment = there_at(day, now)
        return max(ship_day(moment, calendar) for _, calendar in self.calendars)


def handling_at(locations: Iterable[str], calendars: Calendars) -> Handling | None:
    """How these locations ship; None where all of them are always open, or there are none."""
    found = tuple((name, calendars.get(name, ALWAYS_OPEN)) for name in sorted(set(locations)))
    return Handling(found) if any(one != ALWAYS_OPEN for _, one in found) else None


def calendar_document(calendar: HandlingCalendar) -> dict[str, Any]:
    """A calendar as it is stored: what differs from one that is always open."""
    cut_off = calendar.cut_off and calendar.cut_off.isoformat("minutes")
    whole = calendar._replace(cut_off=None)._asdict() | {"cut_off": cut_off}
    document = {name: value for name, value in whole.items() if value != getattr(ALWAYS_OPEN, name)}
    if calendar.holidays:
        document["holidays"] = [day.isoformat() for day in calendar.holidays]
    return document


def calendar_from(document: Mapping[str, Any]) -> HandlingCalendar:
    """A calendar that was stored."""
    cut_off = document.get("cut_off")
    return HandlingCalendar(
        document.get("time_zone", "UTC"),
        None if cut_off is None else time.fromisoformat(cut_off),
        document.get("handling_days", 0),
        tuple(document.get("working_days", WEEKDAYS)),
        tuple(map(date.fromisoformat, document.get("holidays", ()))),
    )
