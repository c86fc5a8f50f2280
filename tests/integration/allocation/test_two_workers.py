"""Workers that share SKUs, on a real database."""

import asyncio
from typing import Any


async def test_rule_12_crossed_orders_on_two_workers_never_deadlock(world: Any) -> None:
    await world.apply(*[world.sku(sku) for sku in "AB"], *[world.stock(sku, 40) for sku in "AB"])
    placed = [world.order(f"o{n}", *(("A", 1), ("B", 1))[:: 1 if n % 2 else -1])[1] for n in range(40)]
    await asyncio.gather(*(world.apply(*placed[n::4]) for n in range(4)))
    assert {row.granted_units for row in await world.rows("SELECT granted_units FROM demand")} == {1}
    await world.check()


async def test_two_workers_share_one_sku_without_overselling(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 25))
    placed = [world.order(f"o{n:02}", ("A", 1))[1] for n in range(60)]
    await asyncio.gather(*(world.apply(*placed[n::6]) for n in range(6)))
    granted = [row.granted_units for row in await world.rows("SELECT granted_units FROM demand")]
    assert sum(granted) == 25
    await world.check()
