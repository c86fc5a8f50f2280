"""For each rule of the protocol the shortest history that needs it, told act by act.

A random history reaches the moment that a rule is for only by chance. These reach it every time: with all rules the
opening ends with every invariant kept, and without its rule it breaks the invariant that the test names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Opening = Callable[[Any], Awaitable[None]]
PRICE = {"amount": 100, "currency": "EUR"}


async def _open(world: Any) -> None:
    """The shop, in which what is missing may be ordered without bound."""
    await world.open_shop()
    for sku in ("lamp", "chair"):
        body = {"name": sku, "lead_time_days": 14, "selling_policy": {"mode": "backorder", "backorder_cap": None}}
        await world.call("inventory", "PUT", f"/v1/skus/{sku}", body, allow=())
    await world.settle()


async def _receive(world: Any, sku: str, units: int, po_line: str | None = None) -> None:
    line = {"sku": sku, "quantity": units, **({"purchase_order_line_id": po_line} if po_line else {})}
    body = {"reference": world.name("receipt"), "location_id": "north", "received_at": world.moment(), "lines": [line]}
    await world.call("inventory", "POST", "/v1/receipts", body, allow=())


async def _place(world: Any, *lines: tuple[str, int], ship_complete: bool = False) -> dict[str, Any]:
    body = {
        "reference": world.name("order"),
        "placed_at": world.moment(),
        "ship_complete": ship_complete,
        "lines": [
            {"reference": str(number), "sku": sku, "quantity": quantity, "unit_price": PRICE}
            for number, (sku, quantity) in enumerate(lines)
        ],
    }
    order: dict[str, Any] = (await world.call("order", "POST", "/v1/orders", body, allow=())).json()
    return order


async def _ship(world: Any, order: dict[str, Any], units: int) -> str:
    body = {
        "location_id": "north",
        "shipped_at": world.now.isoformat(),
        "lines": [{"line_id": order["lines"][0]["line_id"], "quantity": units}],
    }
    path = f"/v1/orders/{order['order_id']}/shipments"
    return str((await world.call("order", "POST", path, body, allow=())).json()["shipment_id"])


async def answered(world: Any) -> None:
    """A change that allocation has no interest in: its answer is all that tells the order service that it was seen."""
    await _open(world)
    order = await _place(world, ("lamp", 2))
    await world.settle()
    response = await world.clients["order"].patch(
        f"/v1/orders/{order['order_id']}",
        json={"contact_id": "another", "amended_at": world.moment()},
        headers={"If-Match": (await world.call("order", "GET", f"/v1/orders/{order['order_id']}")).headers["ETag"]},
    )
    assert response.status_code == 200, response.text
    await world.settle()


async def shipped(world: Any) -> None:
    """Five of eight units leave: the three that stay are still granted to the order that waits for them."""
    await _open(world)
    await _receive(world, "lamp", 8)
    order = await _place(world, ("lamp", 5))
    await _place(world, ("lamp", 3))
    await world.settle()
    await _ship(world, order, 5)
    await world.settle()
    await _place(world, ("lamp", 1))
    await world.settle()


async def shipped_twice(world: Any) -> None:
    """The report of a shipment comes again after the inbox was purged."""
    await _open(world)
    await _receive(world, "lamp", 8)
    order = await _place(world, ("lamp", 5))
    await world.settle()
    await _ship(world, order, 5)
    await world.settle()
    world.topics.rewind(world.links["inventory"])
    await world.settle()


async def voided_twice(world: Any) -> None:
    """The report of a voided shipment comes again after the inbox was purged."""
    await _open(world)
    await _receive(world, "lamp", 12)
    order, another = await _place(world, ("lamp", 5)), await _place(world, ("lamp", 6))
    await world.settle()
    await _ship(world, another, 6)
    shipment = await _ship(world, order, 5)
    await world.settle()
    path = f"/v1/orders/{order['order_id']}/shipments/{shipment}/void"
    await world.call("order", "POST", path, {"voided_at": world.now.isoformat()}, allow=())
    await world.settle()
    world.topics.rewind(world.links["inventory"])
    await world.settle()


async def received(world: Any) -> None:
    """Units come that were promised: what was expected falls with what is there."""
    await _open(world)
    eta = world.later(days=5).isoformat()
    line = {"sku": "lamp", "quantity": 5, "eta": eta}
    body = {"reference": world.name("po"), "supplier_id": "acme", "location_id": "north", "lines": [line]}
    made = (await world.call("inventory", "POST", "/v1/purchase-orders", body, allow=())).json()
    await _place(world, ("lamp", 3))
    await world.settle()
    await _receive(world, "lamp", 5, made["lines"][0]["purchase_order_line_id"])
    await world.settle()


async def counted_down(world: Any) -> None:
    """The shelf holds less than was granted."""
    await _open(world)
    await _receive(world, "lamp", 5)
    await _place(world, ("lamp", 5))
    await world.settle()
    body = {
        "reference": world.name("count"),
        "location_id": "north",
        "counted_at": world.moment(),
        "lines": [{"sku": "lamp", "counted_quantity": 2}],
    }
    await world.call("inventory", "POST", "/v1/counts", body, allow=())
    await world.settle()


async def completed(world: Any) -> None:
    """The second of two SKUs of an order that ships complete arrives: its event has locked only that one."""
    await _open(world)
    await _receive(world, "chair", 2)
    await _place(world, ("lamp", 2), ("chair", 2), ship_complete=True)
    await world.settle()
    await _receive(world, "lamp", 2)
    await world.settle()
