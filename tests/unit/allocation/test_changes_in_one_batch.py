"""An order that is changed in the batch that placed it is judged by the change, as if that had come later."""

from typing import Any

from allocation_service.domain.policies.policy import Policy, Quota


async def test_an_order_that_becomes_ship_complete_holds_no_part(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 1))
    order, placed = world.order("o1", ("A", 4))
    other = world.order("o2", ("A", 1))[1]
    await world.apply(placed, other, world.amend(order, ship_complete=True))
    assert await world.granted("o1-1", "o2-1") == [0, 1]
    await world.check()


async def test_an_order_that_may_ship_in_parts_gets_what_is_there(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 1))
    order, placed = world.order("o1", ("A", 4), ship_complete=True)
    await world.apply(placed, world.amend(order, ship_complete=False))
    assert await world.granted("o1-1") == [1]
    await world.check()


async def test_an_order_of_another_channel_gets_what_its_quota_allows(world: Any) -> None:
    await world.use(Policy(quotas=(Quota("channel", "web", 1),)))
    await world.apply(world.sku("A"), world.stock("A", 5))
    order, placed = world.order("o1", ("A", 3), channel="web")
    await world.apply(placed, world.amend(order, channel="shop"))
    assert await world.granted("o1-1") == [3]
    await world.check()
