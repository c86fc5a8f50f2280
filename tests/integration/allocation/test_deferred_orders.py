"""Deferred orders are decided until none is left: none is looked at again before anything has changed for it."""

import asyncio
from typing import Any

from allocation_service.domain.policies.policy import Policy, Share


async def test_orders_that_share_stock_and_cannot_be_filled_do_not_defer_each_other_for_ever(world: Any) -> None:
    await world.use(Policy(share=Share.PROPORTIONAL))
    await world.apply(world.sku("A"), world.sku("B"), world.sku("C"), world.stock("A", 3))
    first, placed = world.order("o1", ("A", 2), ("B", 1), ship_complete=True)
    await world.apply(placed, world.order("o2", ("A", 2), ("C", 1), ship_complete=True)[1])
    async with asyncio.timeout(60):
        await world.apply(world.amend(first, needed_by=world.now.date()))
    assert await world.rows("SELECT order_id FROM recheck") == []
    await world.apply(world.stock("B", 1))
    assert await world.granted("o1-1", "o1-2", "o2-1") == [2, 1, 0]
    await world.check()
