"""Requests to void a shipment that was reported by mistake: its units are where they were, and may ship again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
from tests.unit.order.shop import InMemoryShop, sums

from event_contracts import OrderState


async def void(shop: InMemoryShop, shipment: dict[str, Any], key: str | None = None, **body: Any) -> httpx.Response:
    path = f"/v1/orders/{shipment['order_id']}/shipments/{shipment['shipment_id']}/void"
    return await shop.post(path, body, key)


async def shipped(shop: InMemoryShop, quantity: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order of five lamps, and a shipment of some of them."""
    order = await shop.allocated(("lamp", 5))
    return order, (await shop.ship(order, quantity)).json()


async def test_voided_units_are_allocated_where_they_were_and_may_ship_again(shop: InMemoryShop) -> None:
    order, parcel = await shipped(shop, 3)
    shop.clock.advance(timedelta(hours=2))
    voided = await void(shop, parcel, reason="the wrong order was scanned")
    assert voided.status_code == 200, voided.text
    assert voided.json() == parcel | {"voided_at": "2026-01-05T11:00:00Z"}
    after = await shop.read(order)
    [line] = after["lines"]
    assert (line["quantity_shipped"], line["quantity_allocated"], line["allocated"]) == (0, 5, {"A": 5})
    assert (after["state"], sums(after)) == ("allocated", [(5, 5)])
    again = await shop.ship(order, 5)
    assert again.status_code == 201, again.text
    listed = (await shop.client.get(f"/v1/orders/{order['order_id']}/shipments")).json()["data"]
    assert [one["voided_at"] is None for one in listed] == [False, True]


async def test_the_event_of_a_void_has_counters_that_never_fall(shop: InMemoryShop) -> None:
    _, parcel = await shipped(shop, 3)
    await void(shop, parcel, reason="the wrong order was scanned")
    event = (await shop.published())[-1]
    told = event.payload
    assert isinstance(told, OrderState)
    assert (event.name, told.sequence) == ("OrderAmended", 3)
    assert (told.lines[0].shipped, told.lines[0].voided) == ({"A": 3}, {"A": 3})
    assert [(one.shipment_id, one.voided_at is not None) for one in told.shipments] == [(parcel["shipment_id"], True)]
    entry = (await shop.history({"order_id": parcel["order_id"]}))[-1]
    assert (entry["event"], entry["detail"]["voided_shipment_id"]) == ("OrderAmended", parcel["shipment_id"])
    assert entry["detail"]["reason"] == "the wrong order was scanned"


async def test_a_shipment_is_voided_once_and_a_repeated_request_is_answered_as_the_first_time(
    shop: InMemoryShop,
) -> None:
    _, parcel = await shipped(shop, 3)
    first = await void(shop, parcel, key="void")
    again = await void(shop, parcel, key="void")
    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (200, first.json(), "true")
    other = await void(shop, parcel, key="another")
    assert (other.status_code, other.json()["code"]) == (409, "already_voided")
    assert len(await shop.published()) == 3


async def test_a_shipment_is_voided_within_a_day_of_leaving(shop: InMemoryShop) -> None:
    order, parcel = await shipped(shop, 3)
    early = await void(shop, parcel, voided_at="2026-01-05T08:59:59Z")
    assert (early.status_code, early.json()["errors"][0]["pointer"]) == (422, "/voided_at")
    shop.clock.advance(timedelta(hours=24, seconds=1))
    late = await void(shop, parcel)
    assert (late.status_code, late.json()["code"]) == (409, "void_too_late")
    assert "return" in late.json()["detail"]
    assert (await void(shop, parcel, voided_at="2026-01-06T09:00:00Z")).status_code == 200
    assert (await shop.read(order))["lines"][0]["quantity_shipped"] == 0


async def test_the_reference_of_a_voided_shipment_may_be_used_for_the_right_order(shop: InMemoryShop) -> None:
    wrong, right = await shop.allocated(("lamp", 2)), await shop.allocated(("lamp", 2))
    parcel = (await shop.ship(wrong, 2, reference="PARCEL-7")).json()
    assert (await shop.ship(right, 2, reference="PARCEL-7")).json()["code"] == "reference_taken"
    await void(shop, parcel)
    assert (await shop.ship(right, 2, reference="PARCEL-7")).status_code == 201
    assert (await shop.ship(wrong, 2, reference="PARCEL-7")).json()["code"] == "reference_taken"


async def test_what_was_voided_may_be_cancelled(shop: InMemoryShop) -> None:
    order, parcel = await shipped(shop, 5)
    await void(shop, parcel)
    assert (await shop.post(f"/v1/orders/{order['order_id']}/cancel", {})).json()["state"] == "cancelled"


async def test_only_the_warehouse_voids_and_only_what_there_is(shop: InMemoryShop) -> None:
    _, parcel = await shipped(shop, 3)
    assert (await void(shop, parcel | {"shipment_id": "nope"})).status_code == 404
    assert (await void(shop, parcel | {"order_id": "nope"})).status_code == 404
    path = f"/v1/orders/{parcel['order_id']}/shipments/{parcel['shipment_id']}/void"
    stale = await shop.client.post(path, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    shop.client = shop.client_as("shopkeeper")
    assert (await void(shop, parcel)).status_code == 403
    shop.client = shop.client_as("warehouse")
    stated = await void(shop, parcel, voided_at="2026-01-05T09:30:00Z")
    assert (stated.status_code, stated.json()["code"]) == (403, "import_scope_required")
    assert (await void(shop, parcel)).status_code == 200
