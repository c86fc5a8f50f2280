"""Business time that moves when it is told to, and counters that rise by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from service_kit.testing import FakeClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(kw_only=True)
class Timeline:
    """When things happen, at which location, and how often the row of each counter has changed."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(START))
    tick: timedelta = timedelta(seconds=1)
    """How much later than the one before each event happens; nothing where a service under test has the clock too."""
    location: str = "HH"
    """Where things happen if no location is named."""
    counters: dict[tuple[str, ...], int] = field(default_factory=dict)
    latest: datetime = START
    """The latest time that it ever was: what a wall clock shows while the business time is set back."""

    @property
    def now(self) -> datetime:
        """The business time that it is."""
        return self.clock.now()

    def later(self, *, minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
        """Let time pass; the business time that it then is."""
        return self._noted(self.clock.advance(timedelta(minutes=minutes, hours=hours, days=days)))

    def next_moment(self) -> datetime:
        """When the next event happens: a tick later."""
        return self._noted(self.clock.advance(self.tick))

    def wall(self) -> datetime:
        """What the hosts' clocks show: never less than they did."""
        self._noted(self.now)
        return self.latest

    def _noted(self, moment: datetime) -> datetime:
        self.latest = max(self.latest, moment)
        return moment

    def next_version(self, *row: str) -> int:
        """The next number of the counter that belongs to a row: 1, 2, 3 ..."""
        self.counters[row] = self.counters.get(row, 0) + 1
        return self.counters[row]


@dataclass(frozen=True)
class WallClock:
    """The clock of a service under test, which goes with a timeline and never back."""

    timeline: Timeline

    def now(self) -> datetime:
        """See Clock."""
        return self.timeline.wall()
