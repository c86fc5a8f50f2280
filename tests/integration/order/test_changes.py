"""Amending, cancelling and shipping over HTTP on the real database."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.order.sql_shop import SqlShop
from tests.scenario import LineAnswer
from tests.unit.order.shop import order_in, sums

pytestmark = pytest.mark.postgres


async def test_amending_terms_is_published_and_amending_notes_is_not(shop: SqlShop) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    amended = await shop.patch(path, {"destination": {"country": "FR"}, "needed_by": "2026-02-01"}, 1)
    assert amended.status_code == 200, amended.text
    assert (amended.json()["version"], amended.json()["sequence"]) == (2, 2)
    noted = await shop.patch(path, {"metadata": {"note": "x"}}, 2)
    assert (noted.json()["version"], noted.json()["sequence"], noted.json()["metadata"]) == (3, 2, {"note": "x"})
    assert noted.headers["ETag"] == '"3"'
    events = await shop.published()
    assert [event.name for event in events] == ["OrderPlaced", "OrderAmended"]
    assert (order_in(events[1]).country, events[1].sequence) == ("FR", 2)


async def test_of_two_changes_on_one_version_one_wins(shop: SqlShop) -> None:
    order = await shop.place(("lamp", 5))
    line = f"/v1/orders/{order['order_id']}/lines/{order['lines'][0]['line_id']}"
    responses = await asyncio.gather(*(shop.patch(line, {"quantity": 6 + n}, 1) for n in range(5)))
    assert sorted(response.status_code for response in responses) == [200, 412, 412, 412, 412]
    assert len(await shop.published()) == 2


async def test_cancelling_part_and_then_the_rest(shop: SqlShop) -> None:
    order = await shop.allocated(("lamp", 5), ("bulb", 1))
    path = f"/v1/orders/{order['order_id']}/cancel"
    part = await shop.post(path, {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]})
    assert part.status_code == 200
    assert part.json()["lines"][0]["quantity_cancelled"] == 2
    whole = await shop.post(path, {"reason": "changed my mind"})
    assert whole.json()["state"] == "cancelled"
    repeated = await shop.post(path, {})
    assert (repeated.status_code, repeated.json()["code"], repeated.json()["state"]) == (
        409,
        "already_cancelled",
        "cancelled",
    )
    events = await shop.published()
    assert [event.name for event in events] == ["OrderPlaced", "OrderCancelled", "OrderCancelled"]
    cancelled = order_in(events[-1])
    assert [line.cancelled for line in cancelled.lines] == [5, 1]
    assert cancelled.reason is None, "free text may be personal: it stays in the order's history"
    assert "changed my mind" in str(await shop.history(order))


async def test_a_repeated_cancellation_with_its_key_cancels_once(shop: SqlShop) -> None:
    order = await shop.place(("lamp", 5))
    body = {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]}
    path = f"/v1/orders/{order['order_id']}/cancel"
    responses = [await shop.post(path, body, key="once") for _ in range(2)]
    assert [response.status_code for response in responses] == [200, 200]
    assert responses[1].headers["Idempotent-Replayed"] == "true"
    assert responses[1].json()["lines"][0]["quantity_cancelled"] == 2


async def test_a_shipment_is_stored_listed_and_published_with_the_whole_order(shop: SqlShop) -> None:
    order = await shop.allocated(("lamp", 5), ("bulb", 2))
    response = await shop.ship(order, 3, reference="P1", tracking_number="T1")
    assert response.status_code == 201
    shipment = response.json()
    assert (shipment["location_id"], shipment["shipped_at"]) == ("A", "2026-01-05T09:00:00Z")
    assert (await shop.client.get(response.headers["Location"])).json() == shipment
    second = (await shop.ship(order, 2, line=1)).json()
    listed = (await shop.client.get(f"/v1/orders/{order['order_id']}/shipments")).json()["data"]
    assert listed == [shipment, second]
    document = await shop.read(order)
    assert document["state"] == "partially_shipped"
    assert document["lines"][0]["shipped"] == {"A": 3}
    assert document["lines"][0]["allocated"] == {"A": 2}
    assert sums(document) == [(5, 5), (2, 2)]
    event = (await shop.published())[-1]
    assert event.name == "OrderShipped"
    payload = order_in(event)
    assert [(one.shipment_id, one.sku, one.location, one.quantity) for one in payload.shipments] == [
        (shipment["shipment_id"], "lamp", "A", 3),
        (second["shipment_id"], "bulb", "A", 2),
    ]
    assert [dict(line.shipped) for line in payload.lines] == [{"A": 3}, {"A": 2}]


async def test_a_repeated_shipment_ships_once(shop: SqlShop) -> None:
    order = await shop.allocated(("lamp", 5))
    path = f"/v1/orders/{order['order_id']}/shipments"
    body = {"location_id": "A", "lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]}
    responses = await asyncio.gather(*(shop.post(path, body, key="ship-1") for _ in range(10)))
    assert {response.status_code for response in responses} == {201}
    assert len({response.json()["shipment_id"] for response in responses}) == 1
    assert (await shop.read(order))["lines"][0]["quantity_shipped"] == 2


async def test_a_shipment_reference_is_used_once(shop: SqlShop) -> None:
    order, other = await shop.allocated(("lamp", 5)), await shop.allocated(("lamp", 5))
    first = (await shop.ship(order, 1, reference="P1")).json()
    refused = await shop.ship(other, 1, reference="P1")
    assert (refused.status_code, refused.json()["code"]) == (409, "reference_taken")
    assert refused.json()["shipment_id"] == first["shipment_id"]
    assert (await shop.read(other))["lines"][0]["quantity_shipped"] == 0


async def test_racing_shipments_never_ship_more_than_allocated(shop: SqlShop) -> None:
    order = await shop.allocated(("lamp", 5))
    responses = await asyncio.gather(*(shop.ship(order, 1) for _ in range(12)))
    assert sorted(response.status_code for response in responses) == [201] * 5 + [409] * 7
    document = await shop.read(order)
    assert (document["state"], document["lines"][0]["quantity_shipped"]) == ("shipped", 5)


async def test_what_can_ship_is_listed_per_location_in_pages(shop: SqlShop) -> None:
    first = await shop.allocated(("lamp", 2), ("bulb", 3))
    complete = await shop.place(("lamp", 2), ("bulb", 2), ship_complete=True)
    await shop.apply(shop.answer(complete, LineAnswer(allocated=2), LineAnswer(line=2, waiting=2)))
    split = await shop.place(("lamp", 5))
    await shop.apply(shop.answer(split, LineAnswer(allocated={"A": 1, "B": 2}, waiting=2)))
    cut = await shop.allocated(("lamp", 4))
    await shop.post(
        f"/v1/orders/{cut['order_id']}/cancel", {"lines": [{"line_id": cut["lines"][0]["line_id"], "quantity": 1}]}
    )
    await shop.ship(first, 2)

    async def listed(location: str) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = []
        cursor: str | None = None
        while True:
            params = {"location_id": location, "limit": "1", **({"cursor": cursor} if cursor else {})}
            page = (await shop.client.get("/v1/fulfillable-lines", params=params)).json()
            found += [(row["order_id"], row["sku"], row["quantity"]) for row in page["data"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    assert await listed("A") == [(first["order_id"], "bulb", 3), (split["order_id"], "lamp", 1)]
    assert await listed("B") == [(split["order_id"], "lamp", 2)]
    await shop.apply(shop.answer(complete, LineAnswer(line=2, allocated={"B": 2}), name="BackorderAllocated"))
    assert (complete["order_id"], "bulb", 2) in await listed("B")


async def test_changes_of_many_orders_at_once_are_each_their_own(shop: SqlShop) -> None:
    orders = [await shop.allocated(("lamp", 3)) for _ in range(10)]
    cancels = [shop.post(f"/v1/orders/{order['order_id']}/cancel", {}) for order in orders[:5]]
    ships = [shop.ship(order, 4 if index == 0 else 3) for index, order in enumerate(orders[5:])]
    responses = await asyncio.gather(*cancels, *ships)
    assert [response.status_code for response in responses] == [200] * 5 + [409] + [201] * 4
    names = [event.name for event in await shop.published()]
    assert (names.count("OrderCancelled"), names.count("OrderShipped")) == (5, 4)
