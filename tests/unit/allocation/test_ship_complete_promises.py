"""A ship-complete order that waits for one article keeps its promise: others pass it only with units that it does not
need, because something replaces them in time."""

from datetime import timedelta
from typing import Any

import pytest

from allocation_service.domain.policies.policy import Policy, Sort


async def _promised(world: Any, *, replaced: bool = False) -> None:
    """Three A come on day 4 and two B on day 10; an order wants all of them, complete. Two more A may come on day 8.
    Somebody else waits for one A, by the lead time."""
    start = world.now
    await world.apply(world.sku("A", lead_time_days=20), world.sku("B"))
    await world.apply(world.inbound("A", "a", 3, start + timedelta(days=4)))
    await world.apply(world.inbound("B", "b", 2, start + timedelta(days=10)))
    await world.apply(world.order("whole", ("A", 3), ("B", 2), ship_complete=True)[1])
    await world.apply(world.order("later", ("A", 1))[1])
    if replaced:
        await world.apply(world.inbound("A", "a2", 2, start + timedelta(days=8)))
    assert await world.promise("whole-1") == await world.promise("whole-2") == (start + timedelta(days=10)).date()


async def _arrives(world: Any, sku: str, units: int, po_line: str, days: float) -> None:
    world.later(days=days)
    await world.apply(world.stock(sku, units, po_line=po_line, remaining=0))


@pytest.mark.parametrize("sort", Sort)
async def test_nobody_takes_the_units_that_a_complete_order_was_promised(world: Any, sort: Sort) -> None:
    await world.use(Policy(sort=sort))
    await _promised(world)
    await _arrives(world, "A", 3, "a", 4)
    assert await world.granted("whole-1", "later-1") == [0, 0]
    await world.apply(world.order("new", ("A", 1))[1])
    assert await world.granted("new-1") == [0], "nor does an order of today"
    await world.check()
    await _arrives(world, "B", 2, "b", 5.9)
    assert await world.granted("whole-1", "whole-2", "later-1", "new-1") == [3, 2, 0, 0]
    await world.check()


async def test_units_that_are_replaced_in_time_may_be_taken(world: Any) -> None:
    await _promised(world, replaced=True)
    await _arrives(world, "A", 3, "a", 4)
    assert await world.granted("whole-1", "later-1") == [0, 1]
    await world.apply(world.order("new", ("A", 2))[1])
    assert await world.granted("new-1") == [1], "two are replaced, one of them is gone"
    await world.check()
    await _arrives(world, "A", 2, "a2", 4)
    await _arrives(world, "B", 2, "b", 1.9)
    assert await world.granted("whole-1", "whole-2") == [3, 2]
    await world.check()


async def test_a_shop_that_protects_no_promises_lets_others_pass(world: Any) -> None:
    await world.use(Policy(protect_promises=False))
    await _promised(world)
    await _arrives(world, "A", 3, "a", 4)
    assert await world.granted("whole-1", "later-1") == [0, 1]
    await world.check()


async def test_whoever_waits_is_served_once_the_complete_order_is_gone(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=20), world.sku("B"))
    await world.apply(world.inbound("A", "a", 3, world.now + timedelta(days=4)))
    await world.apply(world.inbound("B", "b", 2, world.now + timedelta(days=10)))
    whole, placed = world.order("whole", ("A", 3), ("B", 2), ship_complete=True)
    await world.apply(placed)
    await world.apply(world.order("later", ("A", 1))[1])
    await _arrives(world, "A", 3, "a", 4)
    await world.apply(world.cancel(whole, 1))
    assert await world.granted("later-1") == [1]
    await world.check()


async def test_an_order_that_lost_units_keeps_none_of_the_rest_by_its_old_promise(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=20))
    await world.apply(world.inbound("A", "a", 4, world.now + timedelta(days=4)))
    await world.apply(world.order("whole", ("A", 4), ship_complete=True)[1])
    await world.apply(world.order("later", ("A", 2))[1])
    await _arrives(world, "A", 4, "a", 4)
    assert await world.granted("whole-1", "later-1") == [4, 0]
    await world.apply(world.stock("A", -1))
    assert await world.granted("whole-1", "later-1") == [0, 2]
    await world.check()
