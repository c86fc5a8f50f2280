"""Of a batch of a background task, what cannot be worked on is set aside alone."""

from collections.abc import Collection, Sequence

import asyncpg
import pytest

from service_kit.commands import each_alone as module
from service_kit.commands.each_alone import each_alone, work_through
from service_kit.persistence.parked_work import SetAside


class InMemoryParkedItems:
    """Items that are set aside; ``is_due`` is what an operator, or time, makes of them."""

    def __init__(self) -> None:
        self.errors: dict[str, BaseException] = {}
        self.is_due: set[str] = set()
        self.responds = True

    async def set_aside(self, task: str) -> SetAside:
        return SetAside(frozenset(self.errors.keys() - self.is_due), frozenset(self.is_due))

    async def release(self, task: str, items: Collection[str]) -> None:
        self.is_due -= set(items)
        for item in items:
            self.errors.pop(item, None)

    async def park(self, task: str, item: str, error: BaseException) -> None:
        self.errors[item] = error
        self.is_due.discard(item)

    async def database_responds(self) -> bool:
        return self.responds


class Steps:
    """A step that fails with ``error`` whenever one of ``bad`` is among its items."""

    def __init__(self, bad: Collection[str], error: Exception) -> None:
        self.bad, self.error = set(bad), error
        self.done: list[str] = []
        self.calls = 0

    async def __call__(self, items: Sequence[str]) -> int:
        self.calls += 1
        if self.bad & set(items):
            raise self.error
        self.done += items
        return len(items)


@pytest.fixture(autouse=True)
def hardly_any_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSES", (0.001, 0.001))


ITEMS = [f"i{number}" for number in range(20)]


@pytest.mark.parametrize("bad", [[], ["i0"], ["i19"], ["i3", "i4"], ["i7", "i0", "i12"], ITEMS])
@pytest.mark.parametrize(
    "error", [ValueError("bad data"), asyncpg.UniqueViolationError(), asyncpg.QueryCanceledError()]
)
async def test_only_what_fails_by_itself_is_set_aside(bad: list[str], error: Exception) -> None:
    parked, steps = InMemoryParkedItems(), Steps(bad, error)
    total, done = await each_alone(parked, "task", ITEMS, steps, patience=0)
    assert (total, sorted(done)) == (20 - len(bad), sorted(set(ITEMS) - set(bad)))
    assert parked.errors.keys() == set(bad)
    assert len(steps.done) == len(set(steps.done)), "nothing is worked on twice"


async def test_an_item_is_tried_three_times_before_it_is_set_aside() -> None:
    parked, steps = InMemoryParkedItems(), Steps(["a"], ValueError())
    await each_alone(parked, "task", ["a"], steps)
    assert steps.calls == 3


async def test_time_outs_of_a_database_that_is_slow_to_everybody_set_nothing_aside() -> None:
    parked, steps = InMemoryParkedItems(), Steps(["a"], asyncpg.QueryCanceledError())
    parked.responds = False
    with pytest.raises(asyncpg.QueryCanceledError):
        await each_alone(parked, "task", ["a"], steps, patience=0)
    assert not parked.errors


async def test_an_item_is_set_aside_only_after_time_outs_for_as_long_as_one_has_patience() -> None:
    parked, steps = InMemoryParkedItems(), Steps(["a"], asyncpg.QueryCanceledError())

    async def slow(items: Sequence[str]) -> int:
        if steps.calls == 12:
            steps.bad.clear()
        return await steps(items)

    assert await each_alone(parked, "task", ["a"], slow) == (1, ["a"])
    assert not parked.errors


@pytest.mark.parametrize("error", [asyncpg.ReadOnlySQLTransactionError(), ConnectionResetError(), RuntimeError()])
async def test_what_may_pass_sets_nothing_aside(error: Exception) -> None:
    parked = InMemoryParkedItems()
    with pytest.raises(type(error)):
        await each_alone(parked, "task", ITEMS, Steps(["i5"], error))
    assert not parked.errors


async def test_a_round_leaves_out_what_is_set_aside_and_tries_what_is_due() -> None:
    parked, steps = InMemoryParkedItems(), Steps(["i2", "i3"], ValueError())

    async def find(held: Collection[str]) -> Sequence[str]:
        return [item for item in ITEMS if item not in held]

    total, found = await work_through(parked, "task", find, steps)
    assert (total, len(found)) == (18, 20)
    calls = steps.calls
    assert (await work_through(parked, "task", find, steps))[0] == 18
    assert steps.calls == calls + 1, "nothing failed"
    steps.bad.discard("i2")
    parked.is_due = {"i2", "i3"}
    assert (await work_through(parked, "task", find, steps))[0] == 19
    assert parked.errors.keys() == {"i3"}


async def test_what_is_set_aside_and_found_all_the_same_is_set_aside_no_longer() -> None:
    parked, steps = InMemoryParkedItems(), Steps(["i2"], ValueError())

    async def find_all(held: Collection[str]) -> Sequence[str]:
        return ITEMS

    await work_through(parked, "task", find_all, steps)
    assert parked.errors.keys() == {"i2"}
    steps.bad.clear()
    assert (await work_through(parked, "task", find_all, steps))[0] == 20
    assert not parked.errors


async def test_a_round_without_anything_to_do_calls_no_step() -> None:
    async def find(held: Collection[str]) -> Sequence[str]:
        return []

    steps = Steps([], ValueError())
    assert await work_through(InMemoryParkedItems(), "task", find, steps) == (0, [])
    assert steps.calls == 0
