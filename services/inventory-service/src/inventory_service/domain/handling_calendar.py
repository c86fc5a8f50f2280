"""By which days a location ships."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum


class Weekday(StrEnum):
    """Days of the week, in their order."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


MOST_HOLIDAYS = 1000
"""More than any list of a location for some decades."""

MOST_HANDLING_DAYS = 365
"""Working days."""


@dataclass(frozen=True, slots=True)
class HandlingCalendar:
    """How long units that are there take to be shipped, in the location's own days.

    ``time_zone`` is the IANA name; what is there at or after ``cut_off`` (None: the whole day counts) is handled from
    the next working day on. ``holidays`` are in ascending order, and are no working days whatever day of the week.
    """

    time_zone: str = "UTC"
    cut_off: time | None = None
    handling_days: int = 0
    working_days: tuple[Weekday, ...] = tuple(Weekday)
    holidays: tuple[date, ...] = ()


ALWAYS_OPEN = HandlingCalendar()
"""Of a location that states nothing: units ship on the day that they are there."""
