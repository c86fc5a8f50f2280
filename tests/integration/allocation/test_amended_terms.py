"""An order whose tier, channel or ship-complete rule changes is judged anew, in the place that it has by then."""

from typing import Any, Literal

import pytest

from allocation_service.domain.policies.policy import Policy, Quota, Sort


async def test_another_tier_is_another_place_in_the_queue(world: Any) -> None:
    await world.use(Policy(sort=Sort.PRIORITY))
    await world.apply(world.sku("A"))
    _, first = world.order("o1", ("A", 1), tier="standard")
    second, placed = world.order("o2", ("A", 1), tier="standard")
    await world.apply(first, placed)
    await world.apply(world.amend(second, tier="gold"))
    await world.apply(world.stock("A", 1))
    assert await world.granted("o1-1", "o2-1") == [0, 1]
    await world.check()


async def test_another_tier_keeps_the_moment_of_joining(world: Any) -> None:
    await world.use(Policy(sort=Sort.PRIORITY))
    await world.apply(world.sku("A"))
    first, placed = world.order("o1", ("A", 1), tier="standard")
    await world.apply(placed, world.order("o2", ("A", 1), tier="gold")[1])
    await world.apply(world.amend(first, tier="gold"))
    await world.apply(world.stock("A", 1))
    assert await world.granted("o1-1", "o2-1") == [1, 0], "of one tier, who came first is first"
    await world.check()


@pytest.mark.parametrize("field", ["channel", "region"])
async def test_an_order_that_no_quota_holds_any_more_gets_the_stock_at_once(
    world: Any, field: Literal["channel", "region"]
) -> None:
    await world.use(Policy(quotas=(Quota(field, "web", 1),)))
    await world.apply(world.sku("A"), world.stock("A", 5))
    order, placed = world.order("o1", ("A", 3), **{field: "web"})
    await world.apply(placed)
    assert await world.granted("o1-1") == [1]
    answers = await world.apply(world.amend(order, **{field: "shop"}))
    assert await world.granted("o1-1") == [3]
    assert [(event.name, event.payload.basis) for event in answers] == [("OrderAllocated", 2)]
    await world.check()


async def test_an_order_that_may_ship_in_parts_gets_what_is_there(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 2))
    order, placed = world.order("o1", ("A", 2), ("B", 1), ship_complete=True)
    await world.apply(placed)
    assert await world.granted("o1-1", "o1-2") == [0, 0]
    await world.apply(world.amend(order, ship_complete=False))
    assert await world.granted("o1-1", "o1-2") == [2, 0]
    await world.check()


async def test_an_order_that_must_ship_complete_releases_its_part_to_those_who_wait(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 2))
    order, placed = world.order("o1", ("A", 2), ("B", 1))
    await world.apply(placed, world.order("o2", ("A", 2))[1])
    assert await world.granted("o1-1", "o2-1") == [2, 0]
    await world.apply(world.amend(order, ship_complete=True))
    assert await world.granted("o1-1", "o1-2", "o2-1") == [0, 0, 2]
    await world.apply(world.stock("A", 2), world.stock("B", 1))
    assert await world.granted("o1-1", "o1-2") == [2, 1]
    await world.check()


async def test_an_order_that_is_complete_already_keeps_its_stock(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 2), world.stock("B", 1))
    order, placed = world.order("o1", ("A", 2), ("B", 1))
    await world.apply(placed)
    await world.apply(world.amend(order, ship_complete=True))
    assert await world.granted("o1-1", "o1-2") == [2, 1]
    await world.check()


async def test_a_deferred_order_that_may_ship_in_parts_is_decided_in_parts(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"))
    order, placed = world.order("o1", ("A", 2), ("B", 1), ship_complete=True)
    await world.apply(placed)
    await world.apply(world.stock("A", 2), deferred_orders=False)
    await world.apply(world.amend(order, ship_complete=False))
    assert await world.granted("o1-1", "o1-2") == [2, 0]
    await world.check()
