"""Parts of a service running beside a test, stopped as a service stops them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def running(
    *parts: Callable[[asyncio.Event], Awaitable[None]], within: float = 20
) -> AsyncIterator[asyncio.Event]:
    """Run each part (a relay's or consumer's ``run``) for the length of the block.

    At the end they are told to stop and must do so ``within`` seconds. An error of a part is raised
    there; the block may set the event itself to stop them earlier.
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
