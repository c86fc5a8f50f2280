"""Repeating a step of background work until the service stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

log = structlog.get_logger(__name__)

BackgroundTask = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set; what is under way is finished first."""

_AFTER_ERROR = 2.0
"""Seconds that a loop pauses at least after a failed step."""


async def loop(name: str, step: Callable[[], Awaitable[bool]], pause: float, stopping: asyncio.Event) -> None:
    """Repeat ``step`` until ``stopping``.

    A step that returns True has left more to do: the next follows at once, otherwise after ``pause`` seconds. An
    error of a step is logged, and the step is repeated. Nothing is lost by it: work is claimed in the database, and
    a claim ends with its lease.
    """
    while not stopping.is_set():
        wait = pause
        try:
            if await step():
                wait = 0
        except Exception as error:
            log.warning("sweep_failed", sweeper=name, error_type=type(error).__name__, exc_info=True)
            wait = max(pause, _AFTER_ERROR)
        if wait == 0:
            await asyncio.sleep(0)
            continue
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), wait)
