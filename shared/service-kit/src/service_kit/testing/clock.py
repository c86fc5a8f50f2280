"""A clock for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock that stands still until it is set or advanced."""

    def __init__(self, now: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        """The time that it was set to."""
        return self._now

    def set(self, now: datetime) -> None:
        """Set it to ``now``."""
        self._now = now

    def advance(self, by: timedelta) -> datetime:
        """Move it forward by ``by``; returns the new time."""
        self._now += by
        return self._now
