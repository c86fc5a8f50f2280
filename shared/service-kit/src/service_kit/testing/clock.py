"""Time for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, now: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        """The moment it was set to."""
        return self._now

    def set(self, now: datetime) -> None:
        """Stand at ``now``."""
        self._now = now

    def advance(self, by: timedelta) -> datetime:
        """Move on by ``by`` and return the new moment."""
        self._now += by
        return self._now
