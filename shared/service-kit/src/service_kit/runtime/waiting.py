"""Waiting: for events, for no longer than a given time; and between one failure and the next try."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress


async def wait_for_any(seconds: float, *events: asyncio.Event) -> bool:
    """Wait until one of ``events`` is set, at most ``seconds``; whether one is set."""
    if len(events) == 1:
        with suppress(TimeoutError):
            await asyncio.wait_for(events[0].wait(), seconds)
    elif not _any_set(events):
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
    return _any_set(events)


def pause(failures: int, first: float, longest: float) -> float:
    """Seconds to wait after so many failures in a row: ``first``, then twice as long each time, up to ``longest``.

    Up to half of it is left out at random, so that replicas do not come back all at once.
    """
    return min(longest, first * 2.0 ** min(failures - 1, 16)) * random.uniform(0.5, 1)  # noqa: S311


def _any_set(events: Sequence[asyncio.Event]) -> bool:
    return any(event.is_set() for event in events)
