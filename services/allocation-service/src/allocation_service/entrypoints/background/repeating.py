"""One round after the other until the service stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

log = structlog.get_logger(__name__)

Loop = Callable[[asyncio.Event], Awaitable[None]]
"""A background task of a service: runs until the event it is given is set."""


async def repeat(
    stopping: asyncio.Event,
    name: str,
    seconds: float,
    once: Callable[[], Awaitable[object]],
    wanted: asyncio.Event | None = None,
) -> None:
    """Call ``once`` every so many seconds, or when ``wanted`` is set, until ``stopping``.

    An error of a round is logged and the next round comes as usual: whatever it was, the work is still stored.
    """
    while not stopping.is_set():
        try:
            await once()
        except Exception as error:
            log.warning("sweep_failed", sweeper=name, exc_info=error)
        waiting = [asyncio.ensure_future(stopping.wait())]
        if wanted is not None:
            waiting.append(asyncio.ensure_future(wanted.wait()))
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if wanted is not None:
            wanted.clear()
