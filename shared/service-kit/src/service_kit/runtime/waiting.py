"""Waiting for events, for no longer than a given time."""

from __future__ import annotations

import asyncio
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


def _any_set(events: Sequence[asyncio.Event]) -> bool:
    return any(event.is_set() for event in events)
