"""The business time of what a caller reports without saying when."""

from __future__ import annotations

from datetime import datetime

from service_kit.clock import Clock


class BusinessClock:
    """Now, for changes: the wall clock, or while old data is replayed the newest business time seen.

    A replay of last year's orders would otherwise mix last year with today. ``follow_events`` is the
    setting ``business_clock=events``; before anything was seen, it is the wall clock too.
    """

    def __init__(self, clock: Clock, *, follow_events: bool = False) -> None:
        self._clock = clock
        self._follow_events = follow_events
        self._newest: datetime | None = None

    def now(self) -> datetime:
        """The present moment of the business."""
        return self._newest if self._follow_events and self._newest is not None else self._clock.now()

    def saw(self, moment: datetime) -> None:
        """A cause of this business time was seen."""
        if self._newest is None or moment > self._newest:
            self._newest = moment
