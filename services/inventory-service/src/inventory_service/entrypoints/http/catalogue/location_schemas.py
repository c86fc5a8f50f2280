"""The bodies and views of locations."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from inventory_service.domain.catalogue import DEFAULT_PRIORITY, Location
from inventory_service.domain.handling_calendar import (
    MOST_HANDLING_DAYS,
    MOST_HOLIDAYS,
    HandlingCalendar,
    Weekday,
)
from service_kit.http.fields import WHOLE_NUMBER, Day, Instant, TimeZone, Title
from service_kit.http.models import RequestModel, ResponseModel

EARLIEST_HOLIDAY, LATEST_HOLIDAY = 2000, 2199
"""Years. Any other is a typing error."""
_TIME_OF_DAY = "([01][0-9]|2[0-3]):[0-5][0-9]"


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or re.fullmatch(_TIME_OF_DAY, value) is None:
        raise ValueError("must be a time of the day on 24 hours, such as 14:30")
    return time.fromisoformat(value)


def _each_once(days: list[Weekday]) -> list[Weekday]:
    if not days:
        raise ValueError("must name the days on which the location ships, at least one; leave it out for every day")
    return [day for day in Weekday if day in days]


def _holiday(day: date) -> date:
    if not EARLIEST_HOLIDAY <= day.year <= LATEST_HOLIDAY:
        raise ValueError(f"must be a day of the years {EARLIEST_HOLIDAY} to {LATEST_HOLIDAY}")
    return day


TimeOfDay = Annotated[
    time, BeforeValidator(_time_of_day), WithJsonSchema({"type": "string", "pattern": f"^{_TIME_OF_DAY}$"})
]
"""A local time, to the minute."""


class LocationBody(RequestModel):
    """The complete new state of a location."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Main warehouse", "priority": 10},
                {
                    "name": "Berlin",
                    "time_zone": "Europe/Berlin",
                    "cut_off": "14:30",
                    "handling_days": 1,
                    "working_days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                    "holidays": ["2026-12-25", "2027-01-01"],
                },
            ]
        }
    )

    name: Title
    priority: Annotated[int, Field(ge=0, le=1_000_000), WHOLE_NUMBER] = Field(
        default=DEFAULT_PRIORITY,
        description="If several locations can serve a demand, the one with the lowest number serves first",
    )
    active: bool = Field(
        default=True,
        description="False: nothing is received there and nothing is allocated from there any more; what is allocated"
        " already may ship, and its stock may be counted, adjusted and given back",
    )
    time_zone: TimeZone = Field(default="UTC", description="IANA zone in which its days begin and end")
    cut_off: TimeOfDay | None = Field(
        default=None,
        description="Local time: what is there at or after it is handled from the next working day on; null: none",
        examples=["14:30"],
    )
    handling_days: Annotated[int, Field(ge=0, le=MOST_HANDLING_DAYS), WHOLE_NUMBER] = Field(
        default=0, description="Working days from the one on which the units are there to the one on which they leave"
    )
    working_days: Annotated[list[Weekday], Field(min_length=1, max_length=7), AfterValidator(_each_once)] = Field(
        default=list(Weekday), description="Days of the week on which it handles and ships"
    )
    holidays: Annotated[list[Annotated[Day, AfterValidator(_holiday)]], Field(max_length=MOST_HOLIDAYS)] = Field(
        default=[], description="Days on which it does neither, whatever day of the week; the years 2000 to 2199"
    )
    changed_at: Instant | None = Field(default=None, description="Business time of the change; scope `import` only")

    def calendar(self) -> HandlingCalendar:
        """By which days it ships."""
        holidays = tuple(sorted(set(self.holidays)))
        return HandlingCalendar(self.time_zone, self.cut_off, self.handling_days, tuple(self.working_days), holidays)


class LocationView(ResponseModel):
    """A place that holds stock."""

    location_id: str
    name: str
    priority: int
    active: bool
    time_zone: str
    cut_off: str | None = Field(description="Local time, HH:MM")
    handling_days: int
    working_days: list[Weekday]
    holidays: list[date]
    version: int = Field(description="Counts the changes; also the ETag")

    @classmethod
    def of(cls, location: Location, version: int) -> Self:
        """The view of a version of the location."""
        calendar = location.calendar
        return cls(
            location_id=location.location_id,
            name=location.name,
            priority=location.priority,
            active=location.active,
            time_zone=calendar.time_zone,
            cut_off=None if calendar.cut_off is None else calendar.cut_off.strftime("%H:%M"),
            handling_days=calendar.handling_days,
            working_days=list(calendar.working_days),
            holidays=list(calendar.holidays),
            version=version,
        )
