"""Two fills at once, of different SKUs, that meet in the orders which wait for both."""

import asyncio
from typing import Any

from allocation_service.domain.policies.policy import Policy
from service_kit.testing import eventually

_WAITING_FOR_A_LOCK = (
    "SELECT count(*) AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def test_an_order_that_two_fills_pass_at_once_was_passed_twice(world: Any) -> None:
    await world.use(Policy(bypass_limit=2))
    await world.apply(world.sku("A"), world.sku("B"))
    await world.apply(world.order("whole", ("A", 5), ("B", 5), ship_complete=True)[1])
    await world.apply(world.order("a", ("A", 1))[1], world.order("b", ("B", 1))[1])

    async def one_waits() -> bool:
        return bool((await world.rows(_WAITING_FOR_A_LOCK))[0].waiting)

    async with world.database.transaction() as first:
        await world.handle_within(first, [world.stock("A", 1)])
        second = asyncio.create_task(world.apply(world.stock("B", 1)))
        await eventually(one_waits)
    await second
    assert await world.granted("a-1", "b-1") == [1, 1]
    (order,) = await world.rows("SELECT bypassed FROM customer_order WHERE order_id = 'whole'")
    assert order.bypassed == 2
    await world.check()
    # As often as may be: what comes now is kept for it.
    await world.apply(world.order("c", ("A", 1))[1], world.stock("A", 2))
    assert await world.granted("c-1") == [0]
    await world.apply(world.stock("A", 3), world.stock("B", 5))
    assert await world.granted("whole-1", "whole-2") == [5, 5]
    (order,) = await world.rows("SELECT bypassed FROM customer_order WHERE order_id = 'whole'")
    assert order.bypassed == 0
    await world.check()
