"""Lists, history, live streams and who may see what."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn

from service_kit.http.app import create_app
from service_kit.http.pagination import encode_cursor
from service_kit.testing import eventually

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


async def listed(client: httpx.AsyncClient, **params: str) -> list[str]:
    """References of all pages, two orders a page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        response = await client.get(
            "/v1/orders", params={**params, "limit": "2", **({"cursor": cursor} if cursor else {})}
        )
        assert response.status_code == 200, response.text
        page = response.json()
        found += [order["reference"] for order in page["data"]]
        cursor = page["next_cursor"]
        assert (cursor is not None) == ("Link" in response.headers)
        if cursor is None:
            return found


async def test_orders_are_listed_by_any_filter_in_pages(shop: Any) -> None:
    for number in range(5):
        sku = "lamp" if number % 2 else "bulb"
        order = await shop.place((sku, 1), (sku, 2), reference=f"R-{number}", customer_id=f"c{number % 2}")
        if number < 2:
            answers = [shop.answer_line(order, index, waiting=index + 1) for index in (0, 1)]
            await shop.deliver(shop.answer(order, *answers))
    assert await listed(shop.client) == ["R-4", "R-3", "R-2", "R-1", "R-0"]
    assert await listed(shop.client, reference="R-3") == ["R-3"]
    assert await listed(shop.client, customer_id="c0") == ["R-4", "R-2", "R-0"]
    assert await listed(shop.client, state="backordered") == ["R-1", "R-0"]
    assert await listed(shop.client, state="pending", sku="lamp") == ["R-3"]
    assert await listed(shop.client, sku="bulb", customer_id="c0") == ["R-4", "R-2", "R-0"]
    assert await listed(shop.client, sku="Bulb") == []


async def test_orders_changed_since_are_listed_in_order_of_change(shop: Any) -> None:
    orders = []
    for number in range(5):
        shop.clock.advance(timedelta(minutes=1))
        orders.append(await shop.place(("lamp", 1), reference=f"R-{number}"))
    shop.clock.advance(timedelta(minutes=1))
    await shop.deliver(shop.answer(orders[2], shop.answer_line(orders[2], waiting=1)))
    since = (NOW + timedelta(minutes=1)).isoformat()
    assert await listed(shop.client, updated_after=since) == ["R-1", "R-3", "R-4", "R-2"]
    assert await listed(shop.client, updated_after=since, state="backordered") == ["R-2"]


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
async def test_bad_parameters_are_refused(shop: Any, params: dict[str, str]) -> None:
    response = await shop.client.get("/v1/orders", params=params)
    assert response.status_code == 400, response.text


async def test_forged_versions_and_cursors_are_no_failures(shop: Any) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    patch = {"needed_by": "2026-02-01"}
    assert (await shop.client.patch(path, json=patch, headers={"If-Match": '"' + "9" * 5000 + '"'})).status_code == 412
    assert (await shop.client.patch(path, json=patch, headers={"If-Match": "mine"})).status_code == 412
    beyond = await shop.client.get(f"{path}/events", params={"cursor": encode_cursor(2**63)})
    assert (beyond.status_code, beyond.json()["data"]) == (200, [])


async def test_an_unchanged_order_is_not_sent_again(shop: Any) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    assert (await shop.client.get(path, headers={"If-None-Match": '"1"'})).status_code == 304
    await shop.deliver(shop.answer(order, shop.answer_line(order, waiting=1)))
    assert (await shop.client.get(path, headers={"If-None-Match": '"1"'})).status_code == 200


async def test_a_customers_key_sees_that_customers_orders_only(shop: Any) -> None:
    own = await shop.place(("lamp", 1), reference="own", customer_id="c1")
    other = await shop.place(("lamp", 1), reference="other", customer_id="c2")
    guest = await shop.place(("lamp", 1), reference="guest")
    client = shop.client_as("customer-1")
    assert await listed(client) == ["own"]
    assert await listed(client, customer_id="c2") == []
    assert await listed(client, reference="other") == []
    assert (await client.get(f"/v1/orders/{own['order_id']}")).status_code == 200
    for hidden in (other, guest):
        path = f"/v1/orders/{hidden['order_id']}"
        line = hidden["lines"][0]["line_id"]
        key = {"Idempotency-Key": f"x-{line}"}
        units = [{"line_id": line, "quantity": 1}]
        responses = [
            await client.get(path),
            await client.get(f"{path}/events"),
            await client.get(f"{path}/shipments"),
            await client.post(f"{path}/tracking-links"),
            await client.post(f"{path}/cancel", json={}),
            await client.patch(path, json={"needed_by": None}, headers={"If-Match": "*"}),
            await client.patch(f"{path}/lines/{line}", json={"quantity": 2}, headers={"If-Match": "*"}),
            await client.post(f"{path}/shipments", json={"location_id": "A", "lines": units}, headers=key),
        ]
        assert {response.status_code for response in responses} == {404}
        assert (await shop.read(hidden))["version"] == 1


async def test_a_customers_key_orders_for_that_customer(shop: Any) -> None:
    shop.client = shop.client_as("customer-1")
    assert (await shop.place(("lamp", 1)))["customer_id"] == "c1"
    assert (await shop.post_order(("lamp", 1), customer_id="c2")).status_code == 403


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
async def test_a_key_does_what_its_scopes_allow(shop: Any, who: str, method: str, path: str) -> None:
    response = await shop.client_as(who).request(method, path)
    assert (response.status_code, response.json()["code"]) == (403, "missing_scope")
    assert (await shop.client_as().request(method, path)).status_code == 401


async def tracking(shop: Any, order: dict[str, Any], **body: int) -> dict[str, Any]:
    response = await shop.post(f"/v1/orders/{order['order_id']}/tracking-links", body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def test_a_tracking_link_opens_its_order_and_events_read_only(shop: Any) -> None:
    order = await shop.place(("lamp", 1), customer_id="c1", contact_id="p1", metadata={"secret": "x"})
    other = await shop.place(("lamp", 1))
    link = await tracking(shop, order, days=2)
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


async def test_a_tracking_link_expires_and_cannot_be_forged(shop: Any, open_shop: Any) -> None:
    order = await shop.place(("lamp", 1))
    link = await tracking(shop, order, days=1)
    path = f"/v1/orders/{order['order_id']}"
    guest = shop.client_as()
    for forged in (link["token"][:-2] + "xx", link["token"].replace("bo_track_", ""), "bo_track_00000000.x", ""):
        assert (await guest.get(path, params={"token": forged})).status_code == 401
    shop.clock.advance(timedelta(days=1))
    assert (await guest.get(path, params={"token": link["token"]})).status_code == 401


async def test_links_made_before_the_secret_changed_still_open(open_shop: Any) -> None:
    before = await open_shop(tracking_secret="old")
    await before.know("lamp")
    order = await before.place(("lamp", 1))
    link = await tracking(before, order)
    from order_service.adapters.signed_tracking_tokens import SignedTrackingTokens  # noqa: PLC0415

    after = SignedTrackingTokens(["new", "old"], before.clock)
    principal = after.principal(link["token"])
    assert principal is not None and principal.order_id == order["order_id"]
    assert SignedTrackingTokens(["new"], before.clock).principal(link["token"]) is None


async def test_the_history_holds_every_visible_change(shop: Any) -> None:
    order = await shop.place(("lamp", 3))
    await shop.deliver(
        shop.answer(order, shop.answer_line(order, allocated={"A": 2}, waiting=1), name="OrderBackordered")
    )
    await shop.ship(order, 2)
    await shop.post(f"/v1/orders/{order['order_id']}/cancel", {"reason": "no patience"})
    path = f"/v1/orders/{order['order_id']}/events"
    first = (await shop.client.get(path, params={"limit": 3})).json()
    rest = (await shop.client.get(path, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    entries = first["data"] + rest["data"]
    assert [(entry["id"], entry["event"], entry["state"]) for entry in entries] == [
        (1, "OrderPlaced", "pending"),
        (2, "OrderBackordered", "partially_allocated"),
        (3, "OrderShipped", "partially_shipped"),
        (4, "OrderCancelled", "shipped"),
    ]
    assert entries[3]["detail"]["reason"] == "no patience"
    assert entries[2]["detail"]["lines"][0]["quantity_shipped"] == 2
    assert rest["next_cursor"] is None
    assert (await shop.client.get("/v1/orders/nope/events")).status_code == 404


class Server:
    """The service on a real port: an in-process transport would hold a stream back until it ends."""

    def __init__(self, shop: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(create_app(shop.service), log_config=None, lifespan="off")
        self._server = uvicorn.Server(config)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def __aenter__(self) -> Server:
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        await eventually(lambda: self._server.started)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        await self._task


async def stream(client: httpx.AsyncClient, url: str, count: int, **headers: str) -> list[dict[str, Any]]:
    """The first ``count`` events of a live stream."""
    found: list[dict[str, Any]] = []
    event: dict[str, Any] = {}
    async with client.stream("GET", url, headers={"Accept": "text/event-stream", **headers}) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name in ("event", "id", "data"):
                event[name] = value
            elif not line and "data" in event:
                found.append({**event, "data": json.loads(event["data"])})
                event = {}
                if len(found) == count:
                    return found
    return found


async def test_a_live_stream_tells_history_and_what_follows_and_resumes(shop: Any) -> None:
    order = await shop.place(("lamp", 2))
    link = await tracking(shop, order)
    url = f"/v1/orders/{order['order_id']}/events?token={link['token']}"
    async with Server(shop) as server, httpx.AsyncClient(base_url=server.url, timeout=10) as client:
        listening = asyncio.create_task(stream(client, url, 2))
        await eventually(lambda: shop.watch.waiting)
        await shop.deliver(shop.answer(order, shop.answer_line(order, waiting=2), name="OrderBackordered"))
        first, second = await listening
        assert (first["event"], first["id"], first["data"]["state"]) == ("OrderPlaced", "1", "pending")
        assert (second["event"], second["id"], second["data"]["state"]) == ("OrderBackordered", "2", "backordered")
        await shop.deliver(
            shop.answer(order, shop.answer_line(order, version=2, allocated={"A": 2}), name="BackorderAllocated")
        )
        resumed = await stream(client, url, 1, **{"Last-Event-ID": "2"})
        assert [(event["event"], event["id"]) for event in resumed] == [("BackorderAllocated", "3")]
        bad = await client.get(url, headers={"Accept": "text/event-stream", "Last-Event-ID": "x"})
        assert bad.status_code == 400


async def test_a_stream_ends_so_that_its_key_is_checked_again(open_shop: Any) -> None:
    shop = await open_shop(stream_seconds=1)
    await shop.know("lamp")
    order = await shop.place(("lamp", 2))
    found = await asyncio.wait_for(stream(shop.client, f"/v1/orders/{order['order_id']}/events", 99), 5)
    assert [event["id"] for event in found] == ["1"]


async def test_nobody_waiting_means_nobody_polls(shop: Any) -> None:
    watch = shop.watch
    order = await shop.place(("lamp", 1))
    assert not await watch.changed(order["order_id"], 1, 0.05)
    await eventually(lambda: not watch.polls)


async def test_the_description_names_every_operation_once(shop: Any) -> None:
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
