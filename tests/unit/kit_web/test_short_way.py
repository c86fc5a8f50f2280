"""The short way answers as the long one does, and takes what it is made for."""

import json

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from httpx import Response

from service_kit.http.fast_path import FastPath, plain_routes

KEY = {"Idempotency-Key": "k"}
JSON = {"Content-Type": "application/json"}
LINE = {"sku": "a", "quantity": 1}
ORDER: dict[str, object] = {"reference": "r", "lines": [LINE]}

REQUESTS = {
    "a plain order": ("POST", "/v1/orders", KEY, ORDER),
    "an order that would wait": ("POST", "/v1/orders", {**KEY, "Prefer": "wait=1"}, ORDER),
    "an order with a charset": ("POST", "/v1/orders", KEY | {"Content-Type": "application/json; charset=utf-8"}, ORDER),
    "an order without a content type": ("POST", "/v1/orders", KEY, json.dumps(ORDER).encode()),
    "an order as text": ("POST", "/v1/orders", KEY | {"Content-Type": "text/plain"}, json.dumps(ORDER).encode()),
    "an order in UTF-16": ("POST", "/v1/orders", KEY | JSON, json.dumps(ORDER).encode("utf-16")),
    "an order from a browser": ("POST", "/v1/orders", {**KEY, "Origin": "https://shop.example"}, ORDER),
    "an order without a key": ("POST", "/v1/orders", {}, ORDER),
    "an order with a bad key": ("POST", "/v1/orders", {"Idempotency-Key": '""'}, ORDER),
    "bad lines": ("POST", "/v1/orders", KEY, {"reference": 7, "lines": [{"sku": "", "quantity": 0, "x": 1}, LINE]}),
    "no JSON": ("POST", "/v1/orders", KEY | JSON, b"{"),
    "not a number": ("POST", "/v1/orders", KEY | JSON, b'{"reference": NaN, "lines": []}'),
    "half a surrogate pair": ("POST", "/v1/orders", KEY | JSON, b'{"reference": "\\ud800", "lines": []}'),
    "U+0000": ("POST", "/v1/orders", KEY, ORDER | {"metadata": {"a": "b\0"}}),
    "more units than 64 bits hold": ("POST", "/v1/orders", KEY, ORDER | {"lines": [{"sku": "a", "quantity": 2**70}]}),
    "a note that 64 bits do not hold": ("POST", "/v1/orders", KEY, ORDER | {"notes": {"a": -(2**70)}}),
    "a number that is echoed": ("POST", "/v1/orders/o/note", {}, {"number": 2**53 + 1}),
    "a number that is echoed and 64 bits do not hold": ("POST", "/v1/orders/o/note", {}, {"number": 2**70 + 1}),
    "anything, as large as it likes": ("POST", "/v1/orders/o/note", {}, {"number": 1, "more": [2**64, -(2**70) - 1]}),
    "a fraction of many digits": ("POST", "/v1/orders/o/note", JSON, b'{"number": 1.0000000000000000000000000}'),
    "a status without a body": ("POST", "/v1/orders/o/settle", {}, {"number": 204}),
    "a status that says nothing changed": ("POST", "/v1/orders/o/settle", {}, {"number": 304}),
    "another status": ("POST", "/v1/orders/o/settle", {}, {"number": 202}),
    "null": ("POST", "/v1/orders", KEY | JSON, b"null"),
    "an array": ("POST", "/v1/orders", KEY | JSON, b"[]"),
    "no body": ("POST", "/v1/orders", KEY, None),
    "too much": ("POST", "/v1/orders", KEY | JSON, b" " * 70_000),
    "a list": ("GET", "/v1/orders?limit=2", {}, None),
    "a list with a bad limit": ("GET", "/v1/orders?limit=0", {}, None),
    "a list after nonsense": ("GET", "/v1/orders?cursor=x", {}, None),
    "one": ("GET", "/v1/orders/o%20%C3%A4", {}, None),
    "one that is known": ("GET", "/v1/orders/o", {"If-None-Match": '"7"'}, None),
    "a change without If-Match": ("PATCH", "/v1/orders/o", {}, None),
    "a change": ("PATCH", "/v1/orders/o", {"If-Match": '"7"'}, None),
    "a conflict": ("POST", "/v1/orders/o/cancel", {}, None),
    "a failure": ("POST", "/v1/orders/o/fail?message=secret", {}, None),
    "a missing parameter": ("POST", "/v1/orders/o/fail", {}, None),
    "a missing scope": ("POST", "/v1/orders/o/receive", {}, None),
    "an unknown path": ("GET", "/v1/other", {}, None),
    "an unknown method": ("PUT", "/v1/orders", KEY, ORDER),
    "a slash too many": ("GET", "/v1/orders/", {}, None),
}


def seen(answer: Response) -> tuple[object, ...]:
    """All of an answer that does not differ from one request to the next."""
    headers = sorted((name, value) for name, value in answer.headers.multi_items() if name != "x-request-id")
    trace_id = answer.headers["x-request-id"]
    body = answer.text.replace(trace_id, "TRACE")
    length = [("content-length", str(len(answer.content)))]
    assert [item for item in headers if item[0] == "content-length"] in ([], length)
    return answer.status_code, headers, body


async def ask(client: httpx.AsyncClient, method: str, url: str, headers: dict[str, str], body: object) -> Response:
    given = {"content": body} if body is None or isinstance(body, bytes) else {"json": body}
    return await client.request(method, url, headers=headers, **given)


@pytest.mark.parametrize("name", REQUESTS)
async def test_both_ways_answer_alike(make_api, name):
    short, long = make_api(rate_limit=""), make_api(rate_limit="")
    long.app.user_middleware = [each for each in long.app.user_middleware if each.cls is not FastPath]
    for scopes in (("orders:read", "orders:write"), ("orders:read",), ()):
        async with short.client(*scopes) as one, long.client(*scopes) as other:
            assert seen(await ask(one, *REQUESTS[name])) == seen(await ask(other, *REQUESTS[name]))


@pytest.mark.parametrize(
    "name", ["a plain order", "an order without a content type", "a list", "one", "one that is known", "a conflict"]
)
async def test_a_plain_request_never_reaches_fastapis_router(api, name):
    async def unreachable(scope, receive, send):
        raise AssertionError("the long way")

    api.app.router.middleware_stack = unreachable
    async with api.client("orders:read", "orders:write") as client:
        assert (await ask(client, *REQUESTS[name])).status_code in (200, 201, 304, 409)


async def test_a_body_without_a_length_is_cut_off_at_the_limit(make_api):
    async def chunks():
        for _ in range(4):
            yield b" " * 1000

    api = make_api(body_limit=3999)
    async with api.client("orders:write") as client:
        answer = await client.post("/v1/orders", content=chunks(), headers=KEY | JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_what_resets_a_form_has_no_body(api):
    async with api.client("orders:write") as client:
        answer = await client.post("/v1/orders/o/settle", json={"number": 205})
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (205, b"", "0")


async def test_an_overridden_dependency_is_honoured(api):
    (route,) = (each for each in iter_route_contexts(api.app.routes) if each.name == "place_order")
    key = next(each.call for each in route.dependant.dependencies if each.name == "key")
    api.app.dependency_overrides[key] = lambda: "other"
    async with api.client("orders:write") as client:
        assert (await client.post("/v1/orders", json=ORDER)).json() == {"order_id": "r-other"}


def test_routes_that_stream_or_write_their_own_answer_stay_with_fastapi(api):
    plain = plain_routes(api.app)
    assert ("POST", "/v1/orders") in plain
    assert ("GET", "/metrics") not in plain
