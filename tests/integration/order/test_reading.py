"""Lists, history, live streams and who may see what."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from tests.integration.order.conftest import OpenShop
from tests.integration.order.sql_shop import SqlShop
from tests.scenario import LineAnswer
from tests.unit.order.scenarios import NOW

from service_kit.http.app import create_app
from service_kit.http.pagination import encode_cursor
from service_kit.testing import eventually

pytestmark = pytest.mark.postgres


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


async def test_orders_are_listed_by_any_filter_in_pages(shop: SqlShop) -> None:
    for number in range(5):
        sku = "lamp" if number % 2 else "bulb"
        order = await shop.place((sku, 1), (sku, 2), reference=f"R-{number}", customer_id=f"c{number % 2}")
        if number < 2:
            answers = [LineAnswer(line=index + 1, waiting=index + 1) for index in (0, 1)]
            await shop.apply(shop.answer(order, *answers))
    assert await listed(shop.client) == ["R-4", "R-3", "R-2", "R-1", "R-0"]
    assert await listed(shop.client, reference="R-3") == ["R-3"]
    assert await listed(shop.client, customer_id="c0") == ["R-4", "R-2", "R-0"]
    assert await listed(shop.client, state="backordered") == ["R-1", "R-0"]
    assert await listed(shop.client, state="pending", sku="lamp") == ["R-3"]
    assert await listed(shop.client, sku="bulb", customer_id="c0") == ["R-4", "R-2", "R-0"]
    assert await listed(shop.client, sku="Bulb") == []


async def test_orders_changed_since_are_listed_in_order_of_change(shop: SqlShop) -> None:
    orders = []
    for number in range(5):
        shop.clock.advance(timedelta(minutes=1))
        orders.append(await shop.place(("lamp", 1), reference=f"R-{number}"))
    shop.clock.advance(timedelta(minutes=1))
    await shop.apply(shop.answer(orders[2], LineAnswer(waiting=1)))
    since = (NOW + timedelta(minutes=1)).isoformat()
    assert await listed(shop.client, updated_after=since) == ["R-1", "R-3", "R-4", "R-2"]
    assert await listed(shop.client, updated_after=since, state="backordered") == ["R-2"]


async def test_forged_versions_and_cursors_are_no_failures(shop: SqlShop) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    patch = {"needed_by": "2026-02-01"}
    assert (await shop.client.patch(path, json=patch, headers={"If-Match": '"' + "9" * 5000 + '"'})).status_code == 412
    assert (await shop.client.patch(path, json=patch, headers={"If-Match": "mine"})).status_code == 412
    beyond = await shop.client.get(f"{path}/events", params={"cursor": encode_cursor(2**63)})
    assert (beyond.status_code, beyond.json()["code"]) == (400, "bad_cursor")


async def test_a_customers_key_sees_that_customers_orders_only(shop: SqlShop) -> None:
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
        responses = [
            await client.get(path),
            await client.get(f"{path}/events"),
            await client.get(f"{path}/shipments"),
            await client.post(f"{path}/tracking-links"),
            await client.post(f"{path}/cancel", json={}),
            await client.patch(path, json={"needed_by": None}, headers={"If-Match": "*"}),
            await client.patch(f"{path}/lines/{line}", json={"quantity": 2}, headers={"If-Match": "*"}),
            await client.get(f"{path}/shipments/{line}"),
        ]
        assert {response.status_code for response in responses} == {404}
        assert (await shop.read(hidden))["version"] == 1


async def test_the_history_holds_every_visible_change(shop: SqlShop) -> None:
    order = await shop.place(("lamp", 3))
    await shop.apply(shop.answer(order, LineAnswer(allocated=2, waiting=1), name="OrderBackordered"))
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

    def __init__(self, shop: SqlShop) -> None:
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


async def test_a_live_stream_tells_history_and_what_follows_and_resumes(shop: SqlShop) -> None:
    order = await shop.place(("lamp", 2))
    link = await shop.tracking_link(order)
    url = f"/v1/orders/{order['order_id']}/events?token={link['token']}"
    async with Server(shop) as server, httpx.AsyncClient(base_url=server.url, timeout=10) as client:
        listening = asyncio.create_task(stream(client, url, 2))
        await eventually(lambda: shop.watch.waiting)
        await shop.apply(shop.answer(order, LineAnswer(waiting=2), name="OrderBackordered"))
        first, second = await listening
        assert (first["event"], first["id"], first["data"]["state"]) == ("OrderPlaced", "1", "pending")
        assert (second["event"], second["id"], second["data"]["state"]) == ("OrderBackordered", "2", "backordered")
        await shop.apply(shop.answer(order, LineAnswer(allocated=2), name="BackorderAllocated"))
        resumed = await stream(client, url, 1, **{"Last-Event-ID": "2"})
        assert [(event["event"], event["id"]) for event in resumed] == [("BackorderAllocated", "3")]
        bad = await client.get(url, headers={"Accept": "text/event-stream", "Last-Event-ID": "x"})
        assert bad.status_code == 400


async def test_a_stream_ends_so_that_its_key_is_checked_again(open_shop: OpenShop) -> None:
    shop = await open_shop(stream_seconds=1)
    await shop.know("lamp")
    order = await shop.place(("lamp", 2))
    found = await asyncio.wait_for(stream(shop.client, f"/v1/orders/{order['order_id']}/events", 99), 30)
    assert [event["id"] for event in found] == ["1"]
