"""Keep by which days locations ship."""

from __future__ import annotations

from collections.abc import Sequence

from allocation_service.application.promising.ports import LocationCalendar
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.promising.ship_dates import HandlingCalendar
from event_contracts import Event, LocationState


async def keep_calendars(uow: AllocationUnitOfWork, events: Sequence[Event]) -> None:
    """Store the newest calendar of each location that ``LocationChanged`` tells of. Dates that are named from now on
    go by it; what has been told stays."""
    newest: dict[str, LocationState] = {}
    for event in events:
        fact = event.payload
        if isinstance(fact, LocationState):
            known = newest.get(fact.location)
            if known is None or known.version < fact.version:
                newest[fact.location] = fact
    if newest:
        await uow.calendars.keep([_calendar(newest[location]) for location in sorted(newest)])


def _calendar(fact: LocationState) -> LocationCalendar:
    days = tuple(day.value for day in fact.working_days)
    calendar = HandlingCalendar(fact.time_zone, fact.cut_off, fact.handling_days, days, fact.holidays)
    return LocationCalendar(fact.location, fact.version, calendar)
