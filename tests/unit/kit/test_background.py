"""A background task looks for work until the service stops: at intervals, when wanted, and again after errors."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from structlog.testing import capture_logs

from service_kit.hosting.background import pause_after, repeat
from service_kit.runtime.waiting import wait_for_any
from service_kit.testing.eventually import eventually

NEVER = 3600.0
"""Seconds that no test waits for."""


class Steps:
    """A step whose results (or errors) are given; the service stops after the last."""

    def __init__(self, *results: int | Exception) -> None:
        self.left = list(results)
        self.stopping = asyncio.Event()
        self.during: Callable[[], None] = lambda: None

    async def __call__(self) -> int:
        result = self.left.pop(0)
        if not self.left:
            self.stopping.set()
        self.during()
        if isinstance(result, Exception):
            raise result
        return result

    def has_left(self, count: int) -> bool:
        return len(self.left) == count


async def soon(work: Awaitable[None]) -> None:
    await asyncio.wait_for(work, 30)


async def test_nothing_is_begun_once_the_service_stops() -> None:
    steps = Steps(1)
    steps.stopping.set()
    await soon(repeat("test", steps, steps.stopping, every=NEVER))
    assert steps.left == [1]


async def test_a_step_that_leaves_more_is_repeated_at_once() -> None:
    steps = Steps(5, 5, 5, 1)
    await soon(repeat("test", steps, steps.stopping, every=NEVER, more=lambda done: done == 5))
    assert steps.left == []


async def test_a_step_is_repeated_at_intervals() -> None:
    steps = Steps(0, 0, 0)
    await soon(repeat("test", steps, steps.stopping, every=0.001))
    assert steps.left == []


async def test_a_wanted_step_does_not_wait_for_its_time() -> None:
    wanted, steps = asyncio.Event(), Steps(0, 0)
    task = asyncio.create_task(repeat("test", steps, steps.stopping, every=NEVER, wanted=wanted))
    await eventually(partial(steps.has_left, 1))
    wanted.set()
    await soon(task)


async def test_what_is_wanted_during_a_step_brings_about_another_one() -> None:
    wanted, steps = asyncio.Event(), Steps(0, 0, 0)
    steps.during = wanted.set
    await soon(repeat("test", steps, steps.stopping, every=NEVER, wanted=wanted))
    assert steps.left == []


async def test_a_step_that_fails_is_logged_and_tried_again() -> None:
    steps = Steps(RuntimeError("once"), RuntimeError("twice"), 0, RuntimeError("later"), 0)
    with capture_logs() as logs:
        await soon(repeat("test", steps, steps.stopping, every=0.001))
    assert steps.left == []
    assert [(line["part"], line["in_a_row"]) for line in logs] == [("test", 1), ("test", 2), ("test", 1)]


async def test_the_service_need_not_wait_for_a_pause_to_end() -> None:
    for result in (0, RuntimeError("failed")):
        steps = Steps(result, 0)
        task = asyncio.create_task(repeat("test", steps, steps.stopping, every=NEVER))
        await eventually(partial(steps.has_left, 1))
        steps.stopping.set()
        await soon(task)


async def test_a_cancelled_task_ends() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await soon(repeat("test", cancelled, asyncio.Event(), every=NEVER))


def test_pauses_grow_up_to_ten_seconds() -> None:
    for failures, longest in ((1, 0.2), (2, 0.4), (3, 0.8), (6, 6.4), (7, 10.0), (1000, 10.0)):
        assert all(longest / 2 <= pause_after(failures) <= longest for _ in range(100))


async def test_waiting_ends_with_the_first_of_several_events() -> None:
    one, other = asyncio.Event(), asyncio.Event()
    assert not await wait_for_any(0.001, one, other)
    assert not await wait_for_any(0.001, one)
    asyncio.get_running_loop().call_soon(other.set)
    assert await asyncio.wait_for(wait_for_any(NEVER, one, other), 30)
    assert await wait_for_any(NEVER, other)
