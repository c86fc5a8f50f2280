"""Notices that a loop hangs, or runs without making progress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Stuck(Exception):
    """The loop gave no sign of life, or made no progress, for too long; the message says which."""


class Watchdog:
    """Watches one consumer loop that reports to it.

    ``turn_limit``: the longest time in seconds without a sign of life (``alive``). ``progress_limit``: the longest
    time in seconds in which records wait and none is handled or known to be retried (``progress``). ``lag`` gives the
    number of records that wait, None if it is not known.
    """

    def __init__(
        self,
        lag: Callable[[], int | None],
        *,
        turn_limit: float = 30.0,
        progress_limit: float = 60.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lag = lag
        self._turn_limit, self._progress_limit = turn_limit, progress_limit
        self._now = now
        self._alive_at = self._progress_at = self._checked_at = now()

    def alive(self) -> None:
        """The loop is running."""
        self._alive_at = self._now()

    def progress(self) -> None:
        """A record was handled, or is being retried for a known reason."""
        self._alive_at = self._progress_at = self._now()

    def check(self, planned: float = 1.0) -> None:
        """To be called every ``planned`` seconds. Raises Stuck if a limit is exceeded."""
        now = self._now()
        late = now - self._checked_at - planned
        self._checked_at = now
        if late > 1:
            # The whole process was suspended, and the loop with it: that time does not count.
            self._alive_at += late
            self._progress_at += late
        if not self._lag():
            self._progress_at = now
        if now - self._alive_at > self._turn_limit:
            raise Stuck(f"no turn of the loop for {now - self._alive_at:.0f} s")
        if now - self._progress_at > self._progress_limit:
            raise Stuck(f"{self._lag()} records wait and none was handled for {now - self._progress_at:.0f} s")

    async def watch(self, every: float = 1.0) -> None:
        """Check until it is cancelled. Raises Stuck."""
        while True:
            await asyncio.sleep(every)
            self.check(every)
