"""Requests to amend, cancel and ship: what is accepted, and how the rest is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.scenarios import NOW
from tests.unit.order.shop import InMemoryShop, sums

from event_contracts import OrderState


async def test_dates_are_amended_to_such_as_an_order_could_name(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1), needed_by="2026-01-05", latest_acceptable_date="2026-02-01")
    path = f"/v1/orders/{order['order_id']}"

    async def pointers(body: dict[str, Any]) -> list[str]:
        refused = await shop.patch(path, body, 1)
        assert refused.status_code == 422, refused.text
        return [error["pointer"] for error in refused.json()["errors"]]

    assert await pointers({"needed_by": "2026-01-03"}) == ["/needed_by"]
    assert await pointers({"needed_by": "2026-02-02"}) == ["/needed_by"], "later than what stands beside it"
    assert await pointers({"latest_acceptable_date": "2026-01-04"}) == ["/latest_acceptable_date"]
    assert await pointers({"needed_by": None, "latest_acceptable_date": "2026-01-03"}) == ["/latest_acceptable_date"]
    both = {"needed_by": "2026-03-02", "latest_acceptable_date": "2026-03-01"}
    assert await pointers(both) == ["/latest_acceptable_date"]
    assert len(await shop.published()) == 1, "nothing was changed or told"
    shop.clock.advance(timedelta(days=10))
    same = await shop.patch(path, {"needed_by": "2026-01-05", "destination": {"country": "FR"}}, 1)
    assert same.status_code == 200, "a date that stands was judged when it came"
    cleared = await shop.patch(path, {"needed_by": None}, 2)
    assert (cleared.status_code, cleared.json()["needed_by"]) == (200, None)


async def test_who_ordered_and_how_it_is_served_may_change_while_the_order_is_open(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1), tier="silver", channel="web", contact_id="k1", customer_id="c1")
    path = f"/v1/orders/{order['order_id']}"
    wanted = {"tier": "gold", "channel": "shop", "contact_id": "k2", "customer_id": "c2", "ship_complete": True}
    changed = await shop.patch(path, wanted, 1)
    assert changed.status_code == 200, changed.text
    assert {name: changed.json()[name] for name in wanted} == wanted
    assert changed.json()["pending"], "allocation judges it anew"
    event = (await shop.published())[-1]
    told = event.payload
    assert isinstance(told, OrderState)
    assert (event.name, told.sequence) == ("OrderAmended", 2)
    assert {name: getattr(told, name) for name in wanted} == wanted
    cleared = await shop.patch(path, {"tier": None, "contact_id": None}, 2)
    assert (cleared.json()["tier"], cleared.json()["contact_id"]) == (None, None)
    assert (cleared.json()["channel"], cleared.json()["ship_complete"]) == ("shop", True), "left out: as it was"
    refused = await shop.patch(path, {"ship_complete": None}, 3)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/ship_complete"]


async def test_of_a_closed_order_only_the_metadata_changes(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    await shop.post(f"{path}/cancel", {})
    refused = await shop.patch(path, {"tier": "gold"}, 2)
    assert (refused.status_code, refused.json()["code"]) == (409, "order_closed")
    assert (await shop.patch(path, {"metadata": {"note": "late"}}, 2)).status_code == 200


@pytest.mark.parametrize("field", ["customer_id", "tier", "contact_id"])
async def test_a_bound_key_changes_no_rank_and_gives_no_order_away(shop: InMemoryShop, field: str) -> None:
    order = await shop.place(("lamp", 1), customer_id="c1")
    path = f"/v1/orders/{order['order_id']}"
    shop.client = shop.client_as("customer-1")
    refused = await shop.patch(path, {field: "other"}, 1)
    assert (refused.status_code, refused.json()["code"]) == (403, "bound_key_field")
    assert [error["pointer"] for error in refused.json()["errors"]] == [f"/{field}"]
    own = {"ship_complete": True, "contact_id": "c1", "customer_id": "c1"}
    assert (await shop.patch(path, own, 1)).status_code == 200


async def test_a_change_needs_the_version_it_was_made_on(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    assert (await shop.patch(path, {"needed_by": "2026-02-01"}, None)).status_code == 428
    assert (await shop.patch(path, {"needed_by": "2026-02-01"}, 7)).status_code == 412
    line = f"{path}/lines/{order['lines'][0]['line_id']}"
    assert (await shop.patch(line, {"quantity": 2}, None)).status_code == 428
    assert (await shop.patch(line, {"quantity": 2}, 1)).status_code == 200
    assert (await shop.patch(line, {"quantity": 3}, 1)).status_code == 412


async def test_an_amended_quantity_is_pending_until_answered(shop: InMemoryShop) -> None:
    order = await shop.allocated(("lamp", 2))
    line = f"/v1/orders/{order['order_id']}/lines/{order['lines'][0]['line_id']}"
    grown = (await shop.patch(line, {"quantity": 5}, order["version"])).json()
    assert (grown["pending"], grown["lines"][0]["pending"], grown["state"]) == (True, True, "partially_allocated")
    await shop.apply(shop.answer(grown, LineAnswer(allocated=2, waiting=3)))
    settled = await shop.read(order)
    assert not settled["pending"]
    assert sums(settled) == [(5, 5)]


async def test_the_same_quantity_changes_and_publishes_nothing(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 2))
    line = f"/v1/orders/{order['order_id']}/lines/{order['lines'][0]['line_id']}"
    assert (await shop.patch(line, {"quantity": 2}, 1)).json()["version"] == 1
    assert len(await shop.published()) == 1


async def test_an_added_line_is_new_demand_of_the_same_order(shop: InMemoryShop) -> None:
    order = await shop.allocated(("lamp", 2))
    shop.clock.advance(timedelta(hours=1))
    line = {"sku": "bulb", "quantity": 3, "reference": "2", "unit_price": {"amount": 399}}
    added = await shop.post(f"/v1/orders/{order['order_id']}/lines", line, key="add-1")
    assert added.status_code == 201, added.text
    grown = added.json()
    assert [(one["sku"], one["quantity"], one["pending"]) for one in grown["lines"]] == [
        ("lamp", 2, True),
        ("bulb", 3, True),
    ]
    assert grown["lines"][1]["unit_price"] == {"amount": 399, "currency": "EUR"}
    assert grown["lines"][0]["added_at"] is None, "it was placed with the order"
    event = (await shop.published())[-1]
    told = event.payload
    assert isinstance(told, OrderState)
    assert (event.name, told.sequence, len(told.lines)) == ("OrderAmended", 2, 2)
    assert told.lines[1].added_at == NOW + timedelta(hours=1)
    again = await shop.post(f"/v1/orders/{order['order_id']}/lines", line, key="add-1")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert len(again.json()["lines"]) == 2
    other = await shop.post(f"/v1/orders/{order['order_id']}/lines", line | {"quantity": 4}, key="add-1")
    assert other.status_code == 422, "one key, one request"
    await shop.apply(shop.answer(grown, LineAnswer(allocated=2), LineAnswer(line=2, waiting=3)))
    settled = await shop.read(order)
    assert (settled["pending"], sums(settled), settled["state"]) == (False, [(2, 2), (3, 3)], "partially_allocated")


async def test_what_cannot_be_added_is_refused_and_changes_nothing(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1), currency="GBP")
    path = f"/v1/orders/{order['order_id']}/lines"
    line = {"sku": "bulb", "quantity": 1}

    async def pointers(body: dict[str, Any]) -> list[str]:
        refused = await shop.post(path, body)
        assert refused.status_code == 422, refused.text
        return [error["pointer"] for error in refused.json()["errors"]]

    assert await pointers(line | {"sku": "nobody knows it"}) == ["/sku"]
    assert await pointers(line | {"unit_price": {"amount": 1, "currency": "EUR"}}) == ["/unit_price/currency"]
    assert await pointers(line | {"quantity": 0}) == ["/quantity"]
    assert (await shop.client.post(path, json=line)).status_code == 400, "the key is required"
    stale = await shop.client.post(path, json=line, headers={"Idempotency-Key": "k", "If-Match": '"9"'})
    assert stale.status_code == 412
    assert (await shop.post("/v1/orders/nope/lines", line)).status_code == 404
    assert len(await shop.published()) == 1
    await shop.post(f"/v1/orders/{order['order_id']}/cancel", {})
    closed = await shop.post(path, line)
    assert (closed.status_code, closed.json()["code"]) == (409, "order_closed")


async def test_a_customer_adds_lines_to_orders_of_its_own_only(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1), customer_id="c1")
    path = f"/v1/orders/{order['order_id']}/lines"
    shop.client = shop.client_as("customer-2")
    assert (await shop.post(path, {"sku": "bulb", "quantity": 1})).status_code == 404
    shop.client = shop.client_as("customer-1")
    priced = await shop.post(path, {"sku": "bulb", "quantity": 1, "unit_price": {"amount": 1}})
    assert (priced.status_code, priced.json()["errors"][0]["pointer"]) == (403, "/unit_price")
    assert (await shop.post(path, {"sku": "bulb", "quantity": 1})).status_code == 201


async def test_an_unknown_order_or_line_is_not_found(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 2))
    assert (await shop.patch("/v1/orders/nope", {"needed_by": None}, 1)).status_code == 404
    path = f"/v1/orders/{order['order_id']}/lines/nope"
    assert (await shop.patch(path, {"quantity": 1}, 1)).json()["code"] == "line_not_found"
    cancelled = await shop.post(
        f"/v1/orders/{order['order_id']}/cancel",
        {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 1}, {"line_id": "nope", "quantity": 1}]},
    )
    assert cancelled.status_code == 422
    assert [error["pointer"] for error in cancelled.json()["errors"]] == ["/lines/1/line_id"]


async def test_cancelling_without_a_body_cancels_everything(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 2))
    answer = await shop.client.post(f"/v1/orders/{order['order_id']}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def test_shipped_units_cannot_be_cancelled(shop: InMemoryShop) -> None:
    order = await shop.allocated(("lamp", 5))
    assert (await shop.ship(order, 3)).status_code == 201
    body = {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 3}]}
    refused = await shop.post(f"/v1/orders/{order['order_id']}/cancel", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    assert refused.json()["state"] == "partially_shipped"
    assert refused.json()["lines"][0]["quantity_shipped"] == 3
    assert [event.name for event in await shop.published()] == ["OrderPlaced", "OrderShipped"]


@pytest.mark.parametrize(
    ("quantity", "fields", "code"),
    [
        (6, {}, "not_allocated"),
        (1, {"location_id": "B"}, "other_location"),
    ],
)
async def test_only_what_is_allocated_there_ships(
    shop: InMemoryShop, quantity: int, fields: dict[str, Any], code: str
) -> None:
    order = await shop.allocated(("lamp", 5))
    refused = await shop.ship(order, quantity, **fields)
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, code, "allocated")
    assert len(await shop.published()) == 1


async def test_a_cut_line_ships_only_after_the_cut_is_answered(shop: InMemoryShop) -> None:
    order = await shop.allocated(("lamp", 5))
    await shop.post(
        f"/v1/orders/{order['order_id']}/cancel",
        {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]},
    )
    assert (await shop.ship(order, 1)).json()["code"] == "line_pending"
    cut = await shop.read(order)
    await shop.apply(shop.answer(cut, LineAnswer(allocated=3)))
    assert (await shop.ship(order, 3)).status_code == 201
    assert (await shop.read(order))["state"] == "shipped"


async def test_a_preorder_waits_for_its_release_date(shop: InMemoryShop) -> None:
    await shop.know("book", release_at=NOW + timedelta(days=3))
    order = await shop.allocated(("book", 1))
    assert (await shop.ship(order, 1)).json()["code"] == "before_release_date"
    location = {"location_id": "A"}
    assert (await shop.client.get("/v1/fulfillable-lines", params=location)).json()["data"] == []
    shop.clock.advance(timedelta(days=3))
    assert len((await shop.client.get("/v1/fulfillable-lines", params=location)).json()["data"]) == 1
    assert (await shop.ship(order, 1)).status_code == 201


async def test_an_order_id_of_any_characters_is_an_unknown_order(shop: InMemoryShop) -> None:
    """The path of what would have been made is a header, which holds few characters."""
    for order_id in ("%CF%89", "%F3%A0%AF%AD", "a%7Cb"):
        answer = await shop.client.post(
            f"/v1/orders/{order_id}/lines", json={"sku": "lamp", "quantity": 1}, headers={"Idempotency-Key": order_id}
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "order_not_found")
