"""The business time of what is reported or judged without anybody saying when."""

from __future__ import annotations

from datetime import datetime, timedelta

from service_kit.runtime.clock import Clock

HISTORY = timedelta(days=1)
"""Business times further back than this are history that is being replayed, not the present."""
QUIET = timedelta(minutes=10)
"""A replay brings news all the time; after this long without any it is over."""


class BusinessClock:
    """Now: the wall clock, or, while old data is replayed, the newest business time seen.

    A replay of last year's orders would otherwise mix last year with today. ``follow_events`` is the
    setting ``business_clock=events``. Whatever it says, the wall clock rules once the newest time seen
    is of today, and again ten minutes after the last news of a replay: a quiet weekend holds no clock.
    """

    def __init__(self, clock: Clock, *, follow_events: bool = False) -> None:
        self._clock = clock
        self._follow_events = follow_events
        self._newest: datetime | None = None
        self._advanced_at: datetime | None = None

    def now(self) -> datetime:
        """The present moment of the business."""
        wall = self._clock.now()
        if not self._follow_events or self._newest is None or self._advanced_at is None:
            return wall
        replaying = self._newest < wall - HISTORY and self._advanced_at > wall - QUIET
        return self._newest if replaying else wall

    def saw(self, moment: datetime) -> None:
        """A cause of this business time was seen."""
        if self._newest is None or moment > self._newest:
            self._newest = moment
            self._advanced_at = self._clock.now()
