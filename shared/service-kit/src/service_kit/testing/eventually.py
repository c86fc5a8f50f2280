"""Waiting for something to become true, without guessing how long it takes."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    predicate: Callable[[], Awaitable[T] | T], timeout: float = 10, *, every: float = 0.02, reason: str = ""
) -> T:
    """Poll ``predicate`` (plain or async) until it is truthy and return what it gave.

    Raises AssertionError after ``timeout`` seconds, with the last value seen. An AssertionError
    inside the predicate counts as not yet true.
    """
    deadline = time.monotonic() + timeout
    while True:
        last: object
        try:
            answer = predicate()
            value: T = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {timeout} s {reason}; last seen: {last!r}")
        await asyncio.sleep(every)
