"""Hosts whose clocks differ by minutes neither lose nor gain a unit (protocol rules 7 and 20).

A history is drawn from its seed: units are received, ordered, shipped and counted, nobody states a time, and the events
of the order service take their time. At the end the stock on hand is what lies on the shelf.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from service_kit.testing import FakeClock

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DIFFERENCES = [(5, -5), (-5, 5), (0, 0), (5, 5), (0, 7)]
"""Minutes by which the clocks of the order and the inventory service are ahead."""


@dataclass
class AheadClock:
    """A host's clock, which is ahead of the true time, or behind it."""

    true: FakeClock
    ahead: timedelta

    def now(self) -> datetime:
        """See Clock."""
        return self.true.now() + self.ahead


@dataclass
class Warehouse:
    """One location with one SKU; ``shelf`` is what really lies there."""

    world: Any
    time: FakeClock
    random: Random
    shelf: int = 0
    allocated: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self) -> None:
        units = self.random.randint(3, 9)
        line = {"sku": "lamp", "quantity": units}
        body = {"reference": self.world.name("receipt"), "location_id": "north", "lines": [line]}
        await self.world.call("inventory", "POST", "/v1/receipts", body)
        self.shelf += units

    async def order(self) -> None:
        line = {"sku": "lamp", "quantity": self.random.randint(1, 3)}
        body = {"reference": self.world.name("order"), "lines": [line]}
        placed = (await self.world.call("order", "POST", "/v1/orders", body)).json()
        await self.deliver()
        order = (await self.world.call("order", "GET", f"/v1/orders/{placed['order_id']}")).json()
        if order["lines"][0]["allocated"].get("north") == line["quantity"]:
            self.allocated.append(order)

    async def ship(self) -> None:
        if not self.allocated:
            return
        order = self.allocated.pop(self.random.randrange(len(self.allocated)))
        line = order["lines"][0]
        body = {"location_id": "north", "lines": [{"line_id": line["line_id"], "quantity": line["quantity"]}]}
        response = await self.world.call("order", "POST", f"/v1/orders/{order['order_id']}/shipments", body)
        assert response.status_code == 201, response.text
        self.shelf -= line["quantity"]

    async def count(self) -> None:
        lines = [{"sku": "lamp", "counted_quantity": self.shelf}]
        body = {"reference": self.world.name("count"), "location_id": "north", "lines": lines}
        await self.world.call("inventory", "POST", "/v1/counts", body)

    async def deliver(self) -> None:
        await self.world.settle()

    async def on_hand(self) -> int:
        response = await self.world.call("inventory", "GET", "/v1/stock-levels?sku=lamp&location_id=north")
        return int(response.json()["data"][0]["on_hand"])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("order_ahead", "inventory_ahead"), DIFFERENCES)
async def test_two_hosts_whose_clocks_differ_by_minutes_neither_lose_nor_gain_a_unit(
    order_ahead: int, inventory_ahead: int, seed: int, new_world: Any
) -> None:
    time = FakeClock(START)
    ahead = {"order": order_ahead, "inventory": inventory_ahead, "allocation": order_ahead}
    clocks = {name: AheadClock(time, timedelta(minutes=minutes)) for name, minutes in ahead.items()}
    world = await new_world(seed, clocks=clocks)
    warehouse = Warehouse(world, time, world.random)
    await world.open_shop()
    # A shipment that is handled as soon as it is reported shows by how much the clocks differ.
    for act in (warehouse.receive, warehouse.order, warehouse.ship, warehouse.deliver):
        await act()
        time.advance(timedelta(seconds=20))
    acts = [warehouse.receive, warehouse.order, warehouse.ship, warehouse.count, warehouse.deliver]
    for _ in range(40):
        act = world.random.choices(acts, (2, 5, 5, 4, 4))[0]
        time.advance(timedelta(seconds=world.random.choice((5, 40, 240))))
        await act()
    await warehouse.deliver()
    assert await warehouse.on_hand() == warehouse.shelf, "\n".join([f"seed {seed}", *world.log])
