"""Requests to read: parameters, who may see what, tracking links, the API's document."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.conftest import OpenShop
from tests.unit.order.shop import InMemoryShop

from order_service.adapters.signed_tracking_tokens import SignedTrackingTokens


@pytest.mark.parametrize(
    "params",
    [
        {"cursor": "nonsense"},
        {"limit": "0"},
        {"limit": "501"},
        {"state": "lost"},
        {"updated_after": "yesterday"},
        {"updated_after": "0.5"},
        {"updated_after": "2026-01-01T00:00:00"},
        {"sku": "a\0b"},
    ],
)
async def test_bad_parameters_are_refused(shop: InMemoryShop, params: dict[str, str]) -> None:
    response = await shop.client.get("/v1/orders", params=params)
    assert response.status_code == 400, response.text


async def test_an_unchanged_order_is_not_sent_again(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    assert (await shop.client.get(path, headers={"If-None-Match": '"1"'})).status_code == 304
    await shop.apply(shop.answer(order, LineAnswer(waiting=1)))
    assert (await shop.client.get(path, headers={"If-None-Match": '"1"'})).status_code == 200


async def test_a_customers_key_orders_for_that_customer(shop: InMemoryShop) -> None:
    shop.client = shop.client_as("customer-1")
    assert (await shop.place(("lamp", 1)))["customer_id"] == "c1"
    assert (await shop.post_order(("lamp", 1), customer_id="c2")).status_code == 403


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("customer_id", "c2", "/customer_id"),
        ("contact_id", "contact-of-c2", "/contact_id"),
        ("tier", "gold", "/tier"),
        ("charge_at", "order", "/charge_at"),
        ("location_preference", "A", "/location_preference"),
        ("lines", [{"sku": "lamp", "quantity": 1, "unit_price": 1}], "/lines/0/unit_price"),
    ],
)
async def test_a_customers_key_sets_only_what_is_the_customers_to_say(
    shop: InMemoryShop, field: str, value: Any, pointer: str
) -> None:
    shop.client = shop.client_as("customer-1")
    fields: dict[str, Any] = {field: value}
    response = await shop.post_order(("lamp", 1), **fields)
    assert (response.status_code, response.json()["code"]) == (403, "bound_key_field")
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


async def test_a_customers_key_may_say_what_is_said_anyway(shop: InMemoryShop) -> None:
    shop.client = shop.client_as("customer-1")
    spoken = {"customer_id": "c1", "contact_id": "c1", "tier": None, "charge_at": "shipment", "metadata": {"po": "7"}}
    order = await shop.place(("lamp", 1), **spoken, ship_complete=True)
    assert (order["customer_id"], order["contact_id"], order["ship_complete"]) == ("c1", "c1", True)


async def test_a_customers_key_is_not_told_whose_order_has_its_reference(shop: InMemoryShop) -> None:
    other = await shop.place(("lamp", 1), reference="R-1", customer_id="c2")
    known = await shop.post_order(("lamp", 1), reference="R-1")
    assert known.json()["order_id"] == other["order_id"]
    shop.client = shop.client_as("customer-1")
    response = await shop.post_order(("lamp", 1), reference="R-1")
    assert (response.status_code, response.json()["code"]) == (409, "reference_taken")
    assert "order_id" not in response.json()


@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        ("warehouse", "GET", "/v1/orders"),
        ("warehouse", "POST", "/v1/orders"),
        ("reader", "POST", "/v1/orders"),
        ("reader", "POST", "/v1/orders/x/cancel"),
        ("reader", "POST", "/v1/orders/x/shipments"),
        ("shopkeeper", "GET", "/v1/fulfillable-lines"),
    ],
)
async def test_a_key_does_what_its_scopes_allow(shop: InMemoryShop, who: str, method: str, path: str) -> None:
    response = await shop.client_as(who).request(method, path)
    assert (response.status_code, response.json()["code"]) == (403, "missing_scope")
    assert (await shop.client_as().request(method, path)).status_code == 401


async def test_a_tracking_link_opens_its_order_and_events_read_only(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1), customer_id="c1", contact_id="p1", metadata={"secret": "x"})
    other = await shop.place(("lamp", 1))
    link = await shop.tracking_link(order, days=2)
    assert link["expires_at"] == "2026-01-07T09:00:00Z"
    guest = shop.client_as()
    opened = await guest.get(link["url"])
    assert opened.status_code == 200
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    shown = opened.json()
    assert (shown["order_id"], shown["customer_id"], shown["contact_id"], shown["metadata"]) == (
        order["order_id"],
        None,
        None,
        {},
    )
    bearer = shop.client_as(token=link["token"])
    path = f"/v1/orders/{order['order_id']}"
    assert (await bearer.get(path)).status_code == 200
    assert (await bearer.get(f"{path}/events")).status_code == 200
    assert (await guest.get(f"/v1/orders/{other['order_id']}", params={"token": link["token"]})).status_code == 404
    assert (await bearer.get(f"/v1/orders/{other['order_id']}/events")).status_code == 404
    assert (await bearer.get("/v1/orders")).status_code == 403
    assert (await bearer.get(f"{path}/shipments")).status_code == 403
    assert (await bearer.get("/v1/fulfillable-lines", params={"location_id": "A"})).status_code == 403
    assert (await bearer.post(f"{path}/cancel", json={})).status_code == 403
    assert (await bearer.patch(path, json={"needed_by": None}, headers={"If-Match": "*"})).status_code == 403
    assert (await bearer.post(f"{path}/tracking-links")).status_code == 403


async def test_a_tracking_link_expires_and_cannot_be_forged(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1))
    link = await shop.tracking_link(order, days=1)
    path = f"/v1/orders/{order['order_id']}"
    guest = shop.client_as()
    for forged in (link["token"][:-2] + "xx", link["token"].replace("bo_track_", ""), "bo_track_00000000.x", ""):
        assert (await guest.get(path, params={"token": forged})).status_code == 401
    shop.clock.advance(timedelta(days=1))
    assert (await guest.get(path, params={"token": link["token"]})).status_code == 401


async def test_links_made_before_the_secret_changed_still_open(open_shop: OpenShop) -> None:
    before = await open_shop(tracking_secret="old")
    await before.know("lamp")
    order = await before.place(("lamp", 1))
    link = await before.tracking_link(order)
    after = SignedTrackingTokens(["new", "old"], before.clock)
    principal = after.principal(link["token"])
    assert principal is not None and principal.order_id == order["order_id"]
    assert SignedTrackingTokens(["new"], before.clock).principal(link["token"]) is None


async def test_the_description_names_every_operation_once(shop: InMemoryShop) -> None:
    document = (await shop.client.get("/openapi.json")).json()
    operations = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(operations) == len(set(operations))
    assert {
        "place_order",
        "get_order",
        "list_orders",
        "amend_order",
        "amend_line",
        "cancel_order",
        "ship_order",
        "list_shipments",
        "get_shipment",
        "list_fulfillable_lines",
        "list_order_events",
        "create_tracking_link",
    } <= set(operations)


async def test_pages_of_large_orders_end_early_and_the_cursor_finds_them_all(
    shop: InMemoryShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service_kit.persistence.page_lines.PAGE_LINES", 4)
    placed = [(await shop.place(("lamp", 1), ("lamp", 2), ("lamp", 3)))["order_id"] for _ in range(5)]
    found: list[list[str]] = []
    cursor = None
    while True:
        parameters = {"limit": "500"} | ({"cursor": cursor} if cursor else {})
        page = (await shop.client.get("/v1/orders", params=parameters)).json()
        found.append([order["order_id"] for order in page["data"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [len(page) for page in found] == [2, 2, 1]
    assert [order_id for page in found for order_id in page] == placed[::-1]


@pytest.mark.parametrize(
    ("settings", "home"),
    [({"public_url": "https://shop.example/"}, "https://shop.example"), ({}, "http://127.0.0.1:8000")],
)
async def test_a_tracking_link_begins_with_the_configured_address_and_not_with_the_host_of_the_request(
    open_shop: OpenShop, settings: dict[str, str], home: str
) -> None:
    shop = await open_shop(**settings)
    await shop.know("lamp")
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    answer = await shop.client.post(f"{path}/tracking-links", headers={"Host": "evil.example"})
    assert answer.json()["url"].startswith(f"{home}{path}?token=")
    assert "evil.example" not in answer.text
