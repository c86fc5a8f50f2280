"""Runs parts of a service during a test, and stops them as a service does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def running(
    *parts: Callable[[asyncio.Event], Awaitable[None]], within: float = 20
) -> AsyncIterator[asyncio.Event]:
    """Run each part (such as the ``run`` of a relay or consumer) during the block.

    At the end of the block the event that it is given is set, and the parts must stop ``within`` seconds; the errors
    of parts are raised there. The block may set the event itself, to stop them earlier.
    """
    stopping = asyncio.Event()
    tasks = [asyncio.ensure_future(part(stopping)) for part in parts]
    try:
        yield stopping
    finally:
        stopping.set()
        _, late = await asyncio.wait(tasks, timeout=within)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=5)
    if late:
        raise AssertionError(f"{len(late)} part(s) did not stop within {within} s")
    for task in tasks:
        task.result()
