"""What backs a promise is stored with it: whatever slips, closes or comes back, nobody who was promised supply is
passed by somebody whose date is a guess."""

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.allocation.in_memory_stores import InMemoryAllocationStore

from allocation_service.domain.policies.policy import Policy, Sort
from allocation_service.domain.promising.promise_revision import Revision

BETTER = {"tier": "platinum"}
"""Would be served first, if the sort had a say."""


async def _promised(world: Any, **second: Any) -> None:
    """A is promised two units that are announced for day 4; B, who comes later, three by the lead time."""
    await world.apply(world.sku("A", lead_time_days=10), world.inbound("A", "p1", 2, world.now + timedelta(days=4)))
    await world.apply(world.order("a", ("A", 2))[1])
    await world.apply(world.order("b", ("A", 3), **second)[1])
    start = world.now.date()
    assert [await world.promise(one) for one in ("a-1", "b-1")] == [start + timedelta(days=days) for days in (4, 10)]


async def _backing(world: Any) -> list[tuple[str, bool]]:
    lines = world.units.state.lines
    return [(line_id, lines[line_id].backed) for line_id in sorted(lines)]


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("days", [5, 9, 10, 11, 12, 30])
async def test_a_delivery_that_slips_still_goes_to_whom_it_was_promised(world: Any, sort: Sort, days: int) -> None:
    await world.use(Policy(sort=sort))
    await _promised(world, **BETTER)
    start = world.now
    await world.apply(world.inbound("A", "p1", 2, start + timedelta(days=days)))
    assert await world.promise("a-1") == (start + timedelta(days=days)).date()
    assert await _backing(world) == [("a-1", True), ("b-1", False)]
    world.clock.set(start + timedelta(days=days))
    await world.apply(world.stock("A", 2, po_line="p1", remaining=0))
    assert await world.granted("a-1", "b-1") == [2, 0]
    await world.check()


async def test_a_delivery_that_slips_and_comes_in_parts_goes_to_whom_it_was_promised(world: Any) -> None:
    await _promised(world)
    start = world.now
    await world.apply(world.inbound("A", "p1", 2, start + timedelta(days=12)))
    world.clock.set(start + timedelta(days=11))
    for remaining in (1, 0):
        await world.apply(world.stock("A", 1, po_line="p1", remaining=remaining))
        assert await world.granted("a-1", "b-1") == [2 - remaining, 0]
    await world.check()


async def test_a_line_whose_delivery_is_closed_keeps_its_place_before_a_later_one(world: Any) -> None:
    """Closed on day 3, A is promised by the lead time (day 13), later than B (day 10)."""
    await _promised(world)
    start = world.now
    world.later(days=3)
    await world.apply(world.inbound("A", "p1", 0, start + timedelta(days=4)))
    assert await world.promise("a-1") == (start + timedelta(days=13)).date()
    assert await _backing(world) == [("a-1", False), ("b-1", False)]
    await world.apply(world.stock("A", 2))
    assert await world.granted("a-1", "b-1") == [2, 0]
    await world.check()


@pytest.mark.parametrize("close", [False, True])
async def test_what_comes_back_of_a_discontinued_article_goes_to_whom_supply_was_promised(
    world: Any, close: bool
) -> None:
    await _promised(world)
    start = world.now
    await world.apply(world.sku("A", "discontinued", lead_time_days=10))
    assert await world.promise("b-1") is None, "nothing is ordered any more that could keep the date"
    if close:
        await world.apply(world.inbound("A", "p1", 0, start + timedelta(days=4)))
        assert await world.promise("a-1") is None
    world.later(days=1)
    await world.apply(world.stock("A", 2))
    assert await world.granted("a-1", "b-1") == [2, 0]
    await world.check()


@pytest.mark.parametrize("sort", [Sort.FIFO, Sort.PRIORITY])
async def test_a_delivery_that_is_ordered_anew_backs_who_lost_the_first_one(world: Any, sort: Sort) -> None:
    """And who orders after that is promised what comes behind, not before."""
    await world.use(Policy(sort=sort))
    await world.apply(world.sku("A", lead_time_days=10), world.inbound("A", "p1", 2, world.now + timedelta(days=4)))
    await world.apply(world.order("a", ("A", 2))[1])
    start = world.now
    world.later(days=3)
    await world.apply(world.inbound("A", "p1", 0, start + timedelta(days=4)))
    told = await world.promise("a-1")
    await world.apply(world.inbound("A", "p2", 2, start + timedelta(days=5)))
    assert (await world.promise("a-1"), await _backing(world)) == (told, [("a-1", True)])
    await world.apply(world.inbound("A", "p3", 2, start + timedelta(days=6)))
    await world.apply(world.order("d", ("A", 2), **BETTER)[1])
    assert await world.promise("d-1") == (start + timedelta(days=6)).date()
    world.clock.set(start + timedelta(days=5))
    await world.apply(world.stock("A", 2, po_line="p2", remaining=0))
    assert await world.granted("a-1", "d-1") == [2, 0]
    await world.check()


async def test_supply_that_is_announced_backs_who_waits_and_nobody_later_takes_it(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=10))
    await world.apply(world.order("b", ("A", 3))[1])
    await world.apply(world.inbound("A", "p1", 3, world.now + timedelta(days=5)))
    assert await _backing(world) == [("b-1", True)]
    await world.apply(world.inbound("A", "p2", 2, world.now + timedelta(days=6)))
    await world.apply(world.order("c", ("A", 2))[1])
    start = world.now.date()
    assert [await world.promise(one) for one in ("b-1", "c-1")] == [start + timedelta(days=days) for days in (10, 6)]
    await world.apply(world.inbound("A", "p2", 0, world.now + timedelta(days=6)))
    assert await _backing(world) == [("b-1", True), ("c-1", False)]
    world.later(days=5)
    await world.apply(world.stock("A", 3, po_line="p1", remaining=0))
    assert await world.granted("b-1", "c-1") == [3, 0]
    await world.check()


async def test_a_line_without_a_date_is_not_passed_by_a_later_order_that_fits_what_is_announced(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=0), world.order("b", ("A", 3))[1])
    await world.apply(world.inbound("A", "p1", 2, world.now + timedelta(days=6)))
    await world.apply(world.order("n", ("A", 2))[1])
    assert [await world.promise(one) for one in ("b-1", "n-1")] == [None, None]
    world.later(days=6)
    await world.apply(world.stock("A", 2, po_line="p1", remaining=0))
    assert await world.granted("b-1", "n-1") == [2, 0]
    await world.check()


async def test_units_that_are_taken_back_stand_before_a_later_order_that_is_promised_by_the_lead_time(
    world: Any,
) -> None:
    await world.apply(world.sku("A", lead_time_days=10), world.stock("A", 2), world.order("a", ("A", 2))[1])
    await world.apply(world.order("b", ("A", 2))[1])
    world.later(days=1)
    await world.apply(world.stock("A", -2))
    assert await world.granted("a-1", "b-1") == [0, 0]
    assert await world.promise("a-1") > await world.promise("b-1")
    await world.apply(world.stock("A", 2))
    assert await world.granted("a-1", "b-1") == [2, 0]
    await world.check()


async def test_units_that_are_taken_back_claim_what_is_announced_behind_whom_it_was_promised_to(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=10), world.stock("A", 2), world.order("a", ("A", 2))[1])
    await world.apply(world.inbound("A", "p1", 2, world.now + timedelta(days=4)), world.order("b", ("A", 2))[1])
    await world.apply(world.inbound("A", "p2", 2, world.now + timedelta(days=8)))
    await world.apply(world.stock("A", -2))
    start = world.now.date()
    assert [await world.promise(one) for one in ("a-1", "b-1")] == [start + timedelta(days=days) for days in (8, 4)]
    world.later(days=4)
    await world.apply(world.stock("A", 2, po_line="p1", remaining=0))
    assert await world.granted("a-1", "b-1") == [0, 2]
    await world.check()


async def test_units_that_are_added_to_a_line_claim_nothing_before_they_were_ordered(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=10), world.inbound("A", "p1", 1, world.now + timedelta(days=4)))
    order, placed = world.order("a", ("A", 1))
    await world.apply(placed, world.inbound("A", "p2", 2, world.now + timedelta(days=5)))
    await world.apply(world.order("c", ("A", 2))[1])
    start = world.now.date()
    await world.apply(world.amend(order, 1, 9))
    assert [await world.promise(one) for one in ("a-1", "c-1")] == [start + timedelta(days=days) for days in (10, 5)]
    world.later(days=1)
    await world.apply(world.inbound("A", "p1", 0, world.now))
    assert await world.promise("c-1") == start + timedelta(days=5), "still the first to be covered"
    world.later(days=4)
    await world.apply(world.stock("A", 2, po_line="p2", remaining=0))
    assert await world.granted("a-1", "c-1") == [0, 2]
    await world.check()


async def test_units_that_are_added_where_no_date_can_be_named_take_the_date_of_the_line_back(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=0), world.inbound("A", "p1", 1, world.now + timedelta(days=4)))
    order, placed = world.order("a", ("A", 1))
    await world.apply(placed)
    await world.apply(world.amend(order, 1, 9))
    assert await world.promise("a-1") is None
    await world.check()


@pytest.mark.parametrize("together", [False, True])
async def test_units_that_are_declined_leave_the_line_its_claim_and_what_backs_it(world: Any, together: bool) -> None:
    supply = world.inbound("A", "p", 5, world.now + timedelta(days=4))
    await world.apply(world.sku("A", lead_time_days=10, cap=10), supply)
    first, placed = world.order("a", ("A", 5), ship_complete=together)
    await world.apply(placed)
    world.later(hours=1)
    await world.apply(world.order("b", ("A", 5))[1])
    before = (await world.line("a-1")).promise
    assert before.backed
    world.later(days=3)
    (event,) = await world.apply(world.amend(first, 1, 6))
    assert event.payload.lines[0].declined == 1
    assert (await world.line("a-1")).promise == before
    world.later(days=1)
    await world.apply(world.stock("A", 5, po_line="p", remaining=0))
    assert await world.granted("a-1", "b-1") == [5, 0]
    await world.check()


async def test_an_order_that_nothing_is_left_for_revises_nobody(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where a line that is backed has no date yet, since another of its order has none."""
    await world.apply(
        world.sku("A", lead_time_days=10),
        world.sku("B", lead_time_days=0),
        world.inbound("A", "p", 5, world.now + timedelta(days=4)),
    )
    await world.apply(world.order("whole", ("A", 4), ("B", 1), ship_complete=True)[1])
    await world.apply(world.order("next", ("A", 3))[1])
    line = await world.line("whole-1")
    assert (line.promise_date, line.backed) == (None, True)
    revised: list[Revision] = []
    revise_promises = InMemoryAllocationStore.revise_promises

    async def noted(store: InMemoryAllocationStore, revision: Revision, gained: int | None = None) -> Any:
        revised.append(revision)
        return await revise_promises(store, revision, gained)

    monkeypatch.setattr(InMemoryAllocationStore, "revise_promises", noted)
    for number in range(3):
        await world.apply(world.order(f"later{number}", ("A", 9))[1])
    assert revised == []
    await world.check()
