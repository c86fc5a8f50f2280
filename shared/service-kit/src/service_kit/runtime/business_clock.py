"""The business time of things that happen without anybody stating when."""

from __future__ import annotations

from datetime import datetime, timedelta

from service_kit.runtime.believed_time import MOST_AHEAD
from service_kit.runtime.clock import Clock

HISTORY = timedelta(days=1)
"""Business times further back than this are history that is being replayed, not the present."""
QUIET = timedelta(minutes=10)
"""A replay is over when no newer business time has been seen for this long."""


class BusinessClock:
    """Now: the wall clock, or, while old data is replayed, the newest business time seen.

    Without it, a replay of last year's orders would mix last year with today. ``follow_events`` is the setting
    ``business_clock=events``. Even then the wall clock is used once the newest time seen is less than a day old, and
    again when a replay has brought nothing newer for ten minutes: a quiet weekend does not stop the clock.
    """

    def __init__(self, clock: Clock, *, follow_events: bool = False) -> None:
        self._clock = clock
        self._follow_events = follow_events
        self._newest: datetime | None = None
        self._advanced_at: datetime | None = None

    def now(self) -> datetime:
        """The present, in business time."""
        wall = self._clock.now()
        if not self._follow_events or self._newest is None or self._advanced_at is None:
            return wall
        replaying = self._newest < wall - HISTORY and self._advanced_at > wall - QUIET
        return self._newest if replaying else wall

    def saw(self, moment: datetime) -> None:
        """Take note of an event's business time; one that cannot be believed would hide every later one."""
        wall = self._clock.now()
        if moment > wall + MOST_AHEAD:
            return
        if self._newest is None or moment > self._newest:
            self._newest = moment
            self._advanced_at = wall
