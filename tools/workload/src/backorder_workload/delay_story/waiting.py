"""Waiting until the system has done what a step of the story expects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from backorder_workload.replay.story import StoryFailed

T = TypeVar("T")

_WITHIN = 30.0
_PAUSE = 0.1


async def until(read: Callable[[], Awaitable[T | None]], what: str, *, within: float = _WITHIN) -> T:
    """What `read` finds, as soon as it finds something. Raises StoryFailed, which says `what` was expected."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        found = await read()
        if found is not None:
            return found
        if loop.time() > deadline:
            raise StoryFailed(f"expected within {within:.0f} s: {what}")
        await asyncio.sleep(_PAUSE)


def expect(right: object, what: str) -> None:
    """Raises StoryFailed unless it is right."""
    if not right:
        raise StoryFailed(f"expected: {what}")
