"""Every date that is announced for a delivery is stored, for as long as it stood."""

from datetime import timedelta
from typing import Any

LATENESS = (
    "SELECT po_line, eta - CAST(:start AS date), lead_from, lead_to, days_late, observed_at IS NOT NULL"
    " FROM inbound_lateness ORDER BY po_line, id"
)


async def test_every_date_that_was_announced_is_compared_with_the_arrival(world: Any) -> None:
    first = world.now
    await world.apply(world.sku("A"), world.inbound("A", "po", 9, first + timedelta(days=20)))
    world.later(days=5)
    await world.apply(world.inbound("A", "po", 9, first + timedelta(days=20)))
    world.later(days=3)
    await world.apply(world.inbound("A", "po", 8, first + timedelta(days=25)))
    world.later(days=14)
    await world.apply(world.stock("A", 4, po_line="po", remaining=4))
    found = [tuple(row) for row in await world.rows(LATENESS, start=first.date())]
    assert found == [("po", 20, 20, 13, 2, False), ("po", 25, 17, None, -3, False)]
    world.later(days=5)
    await world.apply(world.stock("A", 4, po_line="po", remaining=0))
    found = [tuple(row) for row in await world.rows(LATENESS, start=first.date())]
    assert found == [("po", 20, 20, 13, 7, True), ("po", 25, 17, -2, 2, True)]
