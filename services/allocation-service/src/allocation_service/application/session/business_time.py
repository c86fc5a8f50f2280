"""The business time that dates are judged by."""

from __future__ import annotations

from datetime import datetime

from allocation_service.application.unit_of_work import AllocationUnitOfWork, Units
from service_kit.commands.execute import read
from service_kit.runtime.business_clock import BusinessClock
from service_kit.runtime.clock import Clock


class BusinessTime:
    """Now: the wall clock or, while old data is replayed, the newest cause of a decision (``follow_events``)."""

    def __init__(self, units: Units, clock: Clock, *, follow_events: bool) -> None:
        self._units = units
        self._follow_events = follow_events
        self._clock = BusinessClock(clock, follow_events=follow_events)

    async def __call__(self) -> datetime:
        """The present moment of the business, in UTC."""
        if self._follow_events:
            newest = await read(self._units, _newest_cause)
            if newest is not None:
                self._clock.saw(newest)
        return self._clock.now()


async def _newest_cause(uow: AllocationUnitOfWork) -> datetime | None:
    return await uow.background.newest_cause()
