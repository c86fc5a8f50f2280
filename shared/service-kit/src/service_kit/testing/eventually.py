"""Waits until something is true, without guessing how long that takes."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(
    predicate: Callable[[], Coroutine[Any, Any, T]],
    timeout: float = ...,
    *,
    every: float = ...,
    reason: str = ...,
) -> T: ...


@overload
async def eventually(
    predicate: Callable[[], T], timeout: float = ..., *, every: float = ..., reason: str = ...
) -> T: ...


async def eventually(
    predicate: Callable[[], Any], timeout: float = 10, *, every: float = 0.02, reason: str = ""
) -> Any:
    """Call ``predicate`` (plain or async) until its result is truthy, and return that result.

    Raises AssertionError after ``timeout`` seconds, with the last result. An AssertionError in the predicate counts
    as not yet true.
    """
    deadline = time.monotonic() + timeout
    while True:
        last: object
        try:
            answer = predicate()
            value = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {timeout} s {reason}; last seen: {last!r}")
        await asyncio.sleep(every)
