"""Calling the API: what is tried again and what is not, and what a refusal says."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import orjson
import pytest

from backorder_workload.replay import api as api_module
from backorder_workload.replay.api import Addresses, Api, CallFailed, in_path

ADDRESSES = Addresses("http://order", "http://inventory", "http://allocation", "http://notification")
Respond = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "_FIRST_DELAY", 0.0)


def api(respond: Respond) -> Api:
    return Api(ADDRESSES, "bo_live_x", concurrency=2, transport=httpx.MockTransport(respond))


async def test_a_call_that_fails_for_the_moment_is_repeated_with_the_same_key() -> None:
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) == 1:
            raise httpx.ReadError("gone")
        return httpx.Response(503 if len(seen) == 2 else 201, json={"order_id": "o1"})

    async with api(respond) as client:
        assert await client.create("http://order/v1/orders", {"a": 1}, key="k1") == {"order_id": "o1"}
    assert len(seen) == 3
    assert {request.headers["Idempotency-Key"] for request in seen} == {'"k1"'}
    assert {request.headers["Authorization"] for request in seen} == {"Bearer bo_live_x"}
    assert {request.content for request in seen} == {orjson.dumps({"a": 1})}


async def test_a_refusal_is_not_repeated_and_names_the_field() -> None:
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        problem = {
            "code": "invalid",
            "title": "Not valid",
            "errors": [{"pointer": "/lines/0/sku", "detail": "unknown"}],
        }
        return httpx.Response(422, json=problem)

    async with api(respond) as client:
        with pytest.raises(
            CallFailed, match=r"POST /v1/orders was answered with 422: Not valid \(/lines/0/sku: unknown\)"
        ):
            await client.create("http://order/v1/orders", {}, key="k1")
    assert len(seen) == 1


async def test_a_conflict_in_flight_is_repeated_and_another_conflict_is_told() -> None:
    answers = [
        httpx.Response(409, json={"code": "in_flight"}, headers={"Retry-After": "0"}),
        httpx.Response(409, json={"code": "not_allocated", "detail": "0 units"}),
    ]
    async with api(lambda _: answers.pop(0)) as client:
        with pytest.raises(CallFailed) as failed:
            await client.create("http://order/v1/orders/o1/shipments", {}, key="k1")
    assert (failed.value.status, failed.value.code) == (409, "not_allocated")


async def test_a_service_that_stays_away_is_given_up() -> None:
    calls = 0

    def respond(_: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        raise httpx.ConnectError("refused")

    async with api(respond) as client:
        with pytest.raises(CallFailed, match="ConnectError"):
            await client.put("http://inventory/v1/skus", {})
    assert calls > 3


async def test_a_list_is_read_over_all_its_pages() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        cursor = request.url.params.get("cursor")
        assert request.url.params["sku"] == "A B"
        page = (
            {"data": [{"n": 3}], "next_cursor": None} if cursor else {"data": [{"n": 1}, {"n": 2}], "next_cursor": "c"}
        )
        return httpx.Response(200, json=page)

    async with api(respond) as client:
        items = [item async for item in client.pages("http://inventory/v1/stock-levels", {"sku": "A B"})]
    assert [item["n"] for item in items] == [1, 2, 3]


def test_a_sku_is_one_segment_of_a_path() -> None:
    assert in_path("GIFT BOX/12") == "GIFT%20BOX%2F12"
