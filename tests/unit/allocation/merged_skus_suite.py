"""What becomes of a SKU that was renamed or merged into another, on whichever stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest
from tests.unit.allocation.random_history import SKUS, History, seeds

from allocation_service.application.promising.read_availability import read_availability
from allocation_service.domain.policies.policy import Complete, Policy, Share, Sort
from allocation_service.domain.supply.availability import State


class MergedSkusSuite:
    """The module of a subclass has a fixture ``world``, an empty allocation."""

    async def test_who_waits_keeps_the_place_of_its_order_and_is_served_from_the_merged_stock(self, world: Any) -> None:
        await world.apply(world.sku("old"), world.sku("new"))
        for number, sku in enumerate(("old", "new", "old"), start=1):
            await world.apply(world.order(f"o{number}", (sku, 2))[1])
            world.later(hours=1)
        assert await world.apply(world.merged("new", "old")) == []
        await world.check()
        await world.apply(world.stock("new", 3))
        assert await world.granted("o1-1", "o2-1", "o3-1") == [2, 1, 0]
        await world.check()

    async def test_what_was_allocated_stays_with_whom_it_was_allocated_to(self, world: Any) -> None:
        await world.apply(world.sku("old"), world.sku("new"), world.stock("old", 2))
        await world.apply(world.order("early", ("new", 2))[1])
        order, placed = world.order("late", ("old", 3))
        await world.apply(placed)
        assert await world.apply(world.merged("new", "old")) == []
        assert await world.granted("early-1", "late-1") == [0, 2]
        await world.apply(world.ship(order, 1, 2), world.stock("new", 0, shipped=2))
        assert await world.granted("early-1", "late-1") == [0, 2]
        await world.check()

    async def test_free_stock_of_one_name_goes_to_who_waits_under_the_other(self, world: Any) -> None:
        await world.apply(world.sku("old"), world.sku("new"), world.stock("new", 3), world.stock("new", 1, "M"))
        await world.apply(world.order("o1", ("old", 5))[1])
        answers = await world.apply(world.merged("new", "old"))
        assert [(event.name, event.payload.lines[0].sku) for event in answers] == [("BackorderAllocated", "new")]
        assert await world.granted("o1-1") == [4]
        await world.check()

    async def test_promises_stay_and_later_ones_count_both_queues_and_both_deliveries(self, world: Any) -> None:
        soon, later = world.now + timedelta(days=5), world.now + timedelta(days=9)
        await world.apply(world.sku("old", lead_time_days=60), world.sku("new", lead_time_days=60))
        await world.apply(world.inbound("old", "p1", 3, later), world.inbound("new", "p2", 2, soon))
        await world.apply(world.order("o1", ("old", 3))[1], world.order("o2", ("new", 1))[1])
        assert await world.apply(world.merged("new", "old")) == []
        assert [await world.promise("o1-1"), await world.promise("o2-1")] == [later.date(), soon.date()]
        await world.apply(world.order("o3", ("new", 1))[1], world.order("o4", ("new", 1))[1])
        lead = (world.now + timedelta(days=60)).date()
        assert [await world.promise("o3-1"), await world.promise("o4-1")] == [soon.date(), lead]
        await world.check()
        await world.apply(world.stock("new", 3, po_line="p1", remaining=0))
        await world.check()

    async def test_a_rename_to_a_name_that_nobody_knew_changes_nothing_for_anybody(self, world: Any) -> None:
        eta = world.now + timedelta(days=5)
        await world.apply(world.sku("old"), world.stock("old", 2), world.inbound("old", "p1", 3, eta))
        await world.apply(world.order("o1", ("old", 4))[1])
        answers = await world.apply(world.sku("new"), world.merged("new", "old"))
        assert answers == []
        assert (await world.promise("o1-1")) == eta.date()
        assert await world.granted("o1-1") == [2]
        await world.check()

    async def test_what_others_still_tell_under_the_old_name_is_about_the_new_one(self, world: Any) -> None:
        await world.apply(world.sku("old"), world.sku("new"), world.stock("old", 2))
        order, placed = world.order("o1", ("old", 4))
        await world.apply(placed, world.merged("new", "old"))
        answers = await world.apply(world.order("o2", ("old", 1), ("new", 1))[1])
        assert [line.sku for line in answers[0].payload.lines] == ["new", "new"]
        await world.apply(world.ship(order, 1, 2), world.stock("new", 0, shipped=2))
        await world.apply(world.cancel(order, 1, 1))
        await world.apply(world.stock("new", 1))
        assert await world.granted("o1-1", "o2-1", "o2-2") == [3, 0, 0]
        await world.check()

    async def test_old_news_of_the_old_name_change_nothing(self, world: Any) -> None:
        await world.apply(world.sku("old"), world.sku("new"))
        eta = world.now + timedelta(days=5)
        before = [world.stock("old", 2), world.inbound("old", "p1", 3, eta), world.sku("old", cap=1)]
        cancelled = world.inbound("old", "p1", 0, eta)
        merged = world.merged("new", "old")
        await world.apply(world.order("o1", ("new", 1))[1], before[1])
        await world.apply(merged)
        assert await world.granted("o1-1") == [1]
        assert await world.apply(*before, cancelled, merged) == []
        assert await world.apply(world.order("o2", ("new", 2))[1])
        assert await world.granted("o2-1") == [1]
        assert (await world.promise("o2-1")) == (world.now + timedelta(days=14)).date()
        await world.check()

    @pytest.mark.parametrize("order", list(permutations(range(4))))
    async def test_a_merge_and_its_neighbours_may_be_told_in_any_order(
        self, world: Any, order: tuple[int, ...]
    ) -> None:
        first, placed = world.order("o1", ("old", 3))
        events = [world.sku("new"), placed, world.stock("old", 2), world.merged("new", "old")]
        for number in order:
            await world.apply(events[number])
            await world.apply(events[order[0]])
        assert await world.granted("o1-1") == [2]
        await world.apply(world.ship(first, 1, 2), world.stock("new", 0, shipped=2))
        await world.check()

    @pytest.mark.parametrize("swapped", [False, True])
    @pytest.mark.parametrize("together", [False, True])
    async def test_a_name_may_be_merged_into_one_that_is_merged_later(
        self, world: Any, *, swapped: bool, together: bool
    ) -> None:
        await world.apply(*(world.sku(name) for name in "abc"), world.stock("a", 1), world.stock("b", 1))
        await world.apply(world.order("o1", ("a", 2))[1], world.order("o2", ("b", 2))[1])
        merges = [world.merged("b", "a"), world.merged("c", "b", "a")]
        if swapped:
            merges.reverse()
        for batch in [merges] if together else [[one] for one in merges]:
            await world.apply(*batch)
            await world.check()
        await world.apply(world.stock("c", 1), world.order("o3", ("a", 1))[1])
        assert await world.granted("o1-1", "o2-1", "o3-1") == [2, 1, 0]
        await world.check()

    async def test_demand_that_had_no_selling_policy_is_decided_under_the_new_name(self, world: Any) -> None:
        await world.apply(world.order("o1", ("old", 1))[1], world.sku("new", lead_time_days=3))
        answers = await world.apply(world.merged("new", "old"))
        assert [event.name for event in answers] == ["PromiseRevised"]
        assert (await world.promise("o1-1")) == (world.now + timedelta(days=3)).date()
        await world.check()

    async def test_a_product_page_that_asks_for_the_old_name_is_told_of_the_new_one(self, world: Any) -> None:
        await world.apply(world.sku("old"), world.sku("new"), world.stock("old", 2), world.stock("new", 1))
        await world.apply(world.merged("new", "old"))
        wanted = {"old": 3, "other": 1, "new": 3}
        async with world.units.reading() as uow:
            found = await read_availability(uow, wanted, world.now, 2)
        assert [(one.sku, one.state, one.available_quantity) for one in found] == [
            ("old", State.IN_STOCK, 3),
            ("other", State.OUT_OF_STOCK, 0),
            ("new", State.IN_STOCK, 3),
        ]

    async def test_an_order_that_ships_complete_waits_for_both_names_as_for_one(self, world: Any) -> None:
        await world.apply(world.sku("old"), world.sku("new"), world.sku("C"), world.stock("C", 1))
        await world.apply(world.stock("old", 1))
        await world.apply(world.order("o1", ("old", 1), ("new", 1), ("C", 1), ship_complete=True)[1])
        await world.apply(world.merged("new", "old"))
        assert await world.granted("o1-1", "o1-2", "o1-3") == [0, 0, 0]
        await world.check()
        await world.apply(world.stock("new", 1))
        assert await world.granted("o1-1", "o1-2", "o1-3") == [1, 1, 1]
        await world.check()

    async def test_orders_that_are_deferred_are_decided_under_the_new_name(self, world: Any) -> None:
        await world.apply(world.sku("old"), world.sku("new"), world.sku("C"), world.stock("C", 1))
        await world.apply(world.order("o1", ("old", 1), ("C", 1), ship_complete=True)[1])
        await world.apply(world.stock("old", 1), deferred_orders=False)
        await world.apply(world.merged("new", "old"), deferred_orders=False)
        await world.recheck()
        assert await world.granted("o1-1", "o1-2") == [1, 1]
        await world.check()

    @pytest.mark.parametrize("seed", seeds(12))
    async def test_a_random_history_with_a_merge_keeps_every_invariant(self, world: Any, seed: int) -> None:
        print(f"SEED={seed}")  # noqa: T201 - the history to run again
        random = Random(seed)
        await world.use(
            Policy(
                sort=random.choice(list(Sort)),
                share=random.choice((Share.SEQUENTIAL, Share.SEQUENTIAL, Share.PROPORTIONAL)),
                complete=random.choice(list(Complete)),
            )
        )
        history = _MergingHistory(world, seed)
        await history.tell([world.sku(sku) for sku in SKUS if sku != "C" or seed % 3])
        for _ in range(4):
            await history.tell([event for _ in range(8) for event in history.step()])
        await history.tell(history.merge())
        for _ in range(5):
            await history.tell([event for _ in range(8) for event in history.step()])
        await history.tell(history.told)
        await world.check()


class _MergingHistory(History):
    """One in which C is merged into A at some moment. From then on inventory tells of A only; orders may name both."""

    def __init__(self, world: Any, seed: int) -> None:
        super().__init__(_UnderOneName(world), seed)

    def merge(self) -> list[Any]:
        self.world.into = "A"
        self.purchases = {one: ("A" if sku == "C" else sku, units) for one, (sku, units) in self.purchases.items()}
        return [self.world.sku("A", lead_time_days=7), self.world.merged("A", "C")]

    async def tell(self, events: Sequence[Any]) -> None:
        self.told += events
        for start in range(0, len(events), 5):
            batch = [*events[start : start + 5], *self.random.sample(self.told, min(2, len(self.told)))]
            self.random.shuffle(batch)
            await self.world.apply(*batch, deferred_orders=self.random.random() < 0.5)
        await self.world.recheck()


class _UnderOneName:
    """A world whose inventory knows C as A, once that is so."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self.into = "C"

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._world, name)
        if name not in ("sku", "stock", "inbound", "level_of"):
            return found
        return lambda sku, *rest, **more: found(self.into if sku == "C" else sku, *rest, **more)
