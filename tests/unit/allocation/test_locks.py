"""Protocol rule 12, docs/protocol.md: every transaction asks for its locks in one order, SKUs before orders."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.allocation.in_memory_stores import InMemoryAllocationUnitOfWork
from tests.unit.allocation.random_history import POLICIES, History, seeds, small_parts

from allocation_service.application.promising.renew_passed_promises import find_passed_promises


class _Watched:
    """Opens units of work and keeps the locks that each of them asked for."""

    def __init__(self, units: Any) -> None:
        self._units = units
        self.locked: list[list[tuple[str, str]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._units, name)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[InMemoryAllocationUnitOfWork]:
        """See UnitOfWorkFactory."""
        async with self._units.begin() as uow:
            yield uow
            self.locked.append(uow.store.locked)


def _tables(locked: list[tuple[str, str]]) -> list[str]:
    return [table for table, _ in locked]


async def test_a_batch_locks_all_skus_of_its_orders_then_the_orders_it_tells_of(world: Any) -> None:
    watched = world.in_memory = _Watched(world.in_memory)
    await world.apply(world.sku("B"), world.sku("A"), world.order("o2", ("B", 1), ("A", 1))[1])
    await world.apply(world.order("o1", ("B", 2))[1])
    watched.locked.clear()
    await world.apply(world.stock("B", 3), world.stock("A", 1), deferred_orders=False)
    assert watched.locked == [[("sku", "A"), ("sku", "B"), ("order", "o1"), ("order", "o2")]]


async def test_a_revision_of_promises_locks_the_orders_it_tells_of(world: Any) -> None:
    """Otherwise two workers' events about one order could stand in the outbox in the wrong order."""
    await world.apply(world.sku("A"), world.inbound("A", "p1", 5, world.now + timedelta(days=5)))
    await world.apply(world.order("o2", ("A", 2))[1], world.order("o1", ("A", 2))[1])
    watched = world.in_memory = _Watched(world.in_memory)
    events = await world.apply(world.inbound("A", "p1", 5, world.now + timedelta(days=20)), deferred_orders=False)
    assert {(event.name, event.key) for event in events} == {("PromiseRevised", "o1"), ("PromiseRevised", "o2")}
    assert watched.locked == [[("sku", "A"), ("order", "o1"), ("order", "o2")]]


async def test_the_promise_of_a_day_is_renewed_when_the_day_is_over_and_not_before(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=3), world.order("o1", ("A", 2))[1])
    day = world.now.replace(hour=23) + timedelta(days=3)
    async with world.units.reading() as uow:
        assert await find_passed_promises(uow, day, ()) == []
        assert await find_passed_promises(uow, day + timedelta(days=1), ()) == ["A"]


@pytest.mark.parametrize("name", [None, "value", "quotas and shares", "passed"])
@pytest.mark.parametrize("seed", seeds(1))
async def test_in_a_random_history_every_transaction_asks_for_its_locks_in_the_one_order(
    seed: int, name: str | None, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SKUs once and in order. Orders come after them; those of a later part are asked for in order, too."""
    if name is not None:
        await world.use(POLICIES[name])
    small_parts(seed, monkeypatch)
    watched = world.in_memory = _Watched(world.in_memory)
    await History(world, seed).run(40)
    assert any(_tables(one).count("sku") > 1 and "order" in _tables(one) for one in watched.locked)
    for locked in watched.locked:
        skus = [key for table, key in locked if table == "sku"]
        assert skus == sorted(set(skus))
        assert _tables(locked) == sorted(_tables(locked), reverse=True), "SKUs are locked before orders"
