"""Protocol rule 12, docs/protocol.md: workers that hold different SKUs may publish about the same order."""

import asyncio
from typing import Any

from allocation_service.application.allocating.handle_events import handle_events
from service_kit.testing import eventually

_WAITING_FOR_A_ROW = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%customer_order%'
"""


async def test_two_workers_that_hold_different_skus_of_an_order_publish_about_it_one_after_the_other(
    world: Any,
) -> None:
    """Otherwise the second worker's event could stand first in the outbox although it is committed later."""
    await world.apply(world.sku("A"), world.sku("B"), world.order("o1", ("A", 1), ("B", 1))[1])
    for_a, for_b = world.stock("A", 1), world.stock("B", 1)

    async def somebody_waits() -> bool:
        return (await world.rows(_WAITING_FOR_A_ROW))[0][0] == 1

    async with world.database.transaction() as conn:
        await handle_events(world.units.within(conn), [for_a], world.options)
        second = asyncio.create_task(world.apply(for_b))
        await eventually(somebody_waits)
        assert not second.done()
    events = await second
    assert [(event.name, [line.line_id for line in event.payload.lines]) for event in events] == [
        ("BackorderAllocated", ["o1-1"]),
        ("BackorderAllocated", ["o1-2"]),
    ]
    await world.check()
