"""The collector's pause: it nests, outlives nobody, and leaves alone what somebody else has switched off."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from service_kit.runtime.garbage_collection import collector_paused


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    was = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if was else gc.disable)()


def test_nothing_is_collected_meanwhile_and_the_collector_goes_on_after_it() -> None:
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_inner_pause_does_not_end_the_outer_one() -> None:
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_ends_the_pause() -> None:
    with pytest.raises(ValueError, match="in it"), collector_paused():
        raise ValueError("in it")
    assert gc.isenabled()


async def test_pauses_of_tasks_that_overlap_end_with_the_last_of_them() -> None:
    first_in, first_out, second_in = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def first() -> None:
        with collector_paused():
            first_in.set()
            await second_in.wait()
        first_out.set()

    async def second() -> None:
        await first_in.wait()
        with collector_paused():
            second_in.set()
            await first_out.wait()
            assert not gc.isenabled(), "the first to come has left, the second still works"

    await asyncio.gather(first(), second())
    assert gc.isenabled()


async def test_a_cancelled_task_does_not_leave_the_collector_off() -> None:
    inside = asyncio.Event()

    async def for_ever() -> None:
        with collector_paused():
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(for_ever())
    await inside.wait()
    task.cancel()
    await asyncio.wait([task])
    assert gc.isenabled()


def test_a_collector_that_somebody_else_switched_off_stays_off() -> None:
    gc.disable()
    with collector_paused(), collector_paused():
        assert not gc.isenabled()
    assert not gc.isenabled()
