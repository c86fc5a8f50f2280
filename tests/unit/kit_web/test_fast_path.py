"""The fast path answers as FastAPI's own route does, takes what it is made for, and hides no failure."""

import json
import math

import httpx
import pytest
from httpx import Response
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pydantic_core import from_json

from service_kit.http.fast_path import FastPath, HotRouter
from service_kit.http.idempotency import idempotency_key
from service_kit.testing.usual_routes import without_fast_path

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
    "a number that is echoed": ("POST", "/v1/orders/note", {}, {"number": 2**53 + 1}),
    "a number that is echoed and 64 bits do not hold": ("POST", "/v1/orders/note", {}, {"number": 2**70 + 1}),
    "anything, as large as it likes": ("POST", "/v1/orders/note", {}, {"number": 1, "more": [2**64, -(2**70) - 1]}),
    "a fraction of many digits": ("POST", "/v1/orders/note", JSON, b'{"number": 1.0000000000000000000000000}'),
    "a status without a body": ("POST", "/v1/orders/settle", {}, {"number": 204}),
    "a status that says nothing changed": ("POST", "/v1/orders/settle", {}, {"number": 304}),
    "another status": ("POST", "/v1/orders/settle", {}, {"number": 202}),
    "an answer of the endpoint's own": ("POST", "/v1/orders/settle", {}, {"number": 303}),
    "a refusal by the endpoint": ("POST", "/v1/orders/settle", {}, {"number": 409}),
    "a failure of the endpoint": ("POST", "/v1/orders/settle", {}, {"number": 500}),
    "a repeated member": ("POST", "/v1/orders/note", JSON, b'{"number": 1, "number": 2}'),
    "a fraction that no float holds": ("POST", "/v1/orders/note", JSON, b'{"number": 1, "more": 1e400}'),
    "a byte order mark": ("POST", "/v1/orders/note", JSON, b'\xef\xbb\xbf{"number": 1}'),
    "no UTF-8": ("POST", "/v1/orders/note", JSON, b'{"number": 1, "more": "\xe9"}'),
    "JSON of another kind": ("POST", "/v1/orders/note", {"Content-Type": "application/x+json"}, b'{"number": 1}'),
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
async def test_both_paths_answer_alike(make_api, name):
    fast, usual = make_api(rate_limit=""), make_api(rate_limit="")
    without_fast_path(usual.app)
    for scopes in (("orders:read", "orders:write"), ("orders:read",), ()):
        async with fast.client(*scopes) as one, usual.client(*scopes) as other:
            assert seen(await ask(one, *REQUESTS[name])) == seen(await ask(other, *REQUESTS[name]))


@pytest.mark.parametrize(
    "name",
    [
        "a plain order",
        "an order that would wait",
        "an order with a charset",
        "an order without a content type",
        "a number that is echoed and 64 bits do not hold",
        "another status",
        "an answer of the endpoint's own",
        "a refusal by the endpoint",
    ],
)
async def test_a_plain_request_never_reaches_fastapis_router(api, name):
    async def unreachable(scope, receive, send):
        raise AssertionError("FastAPI's router")

    api.app.router.middleware_stack = unreachable
    async with api.client("orders:read", "orders:write") as client:
        assert (await ask(client, *REQUESTS[name])).status_code in (200, 201, 202, 303, 409)


async def test_a_body_without_a_length_is_cut_off_at_the_limit(make_api):
    async def chunks():
        for _ in range(4):
            yield b" " * 1000

    api = make_api(body_limit=3999)
    async with api.client("orders:write") as client:
        answer = await client.post("/v1/orders", content=chunks(), headers=KEY | JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_body_in_pieces_is_read_whole_on_both_paths(api):
    async def chunks(body: object):
        text = json.dumps(body).encode()
        for start in range(0, len(text), 7):
            yield text[start : start + 7]

    async with api.client("orders:write") as client:
        answer = await client.post("/v1/orders", content=chunks(ORDER), headers=KEY | JSON)
        assert (answer.status_code, answer.json()) == (201, {"order_id": "r-k"})
        answer = await client.post("/v1/orders", content=chunks({"lines": [LINE]}), headers=KEY | JSON)
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/reference"]


async def test_a_client_that_leaves_while_sending_is_recorded_alike(make_api):
    async def status(api):
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
        sent = []

        async def receive():
            return next(messages)

        async def send(message):
            sent.append(message)

        secret, _ = api.keyring.create_key("test", ["orders:write"])
        headers = [(b"authorization", f"Bearer {secret}".encode()), (b"idempotency-key", b"k")]
        scope = {"type": "http", "method": "POST", "path": "/v1/orders", "query_string": b"", "headers": headers}
        await api.app(scope, receive, send)
        return sent[0]["status"]

    usual = make_api()
    without_fast_path(usual.app)
    assert await status(make_api()) == await status(usual) == 400


async def test_what_resets_a_form_has_no_body(api):
    async with api.client("orders:write") as client:
        answer = await client.post("/v1/orders/settle", json={"number": 205})
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (205, b"", "0")


async def test_an_overridden_dependency_is_honoured(api):
    api.app.dependency_overrides[idempotency_key().dependency] = lambda: "other"
    async with api.client("orders:write") as client:
        assert (await client.post("/v1/orders", json=ORDER)).json() == {"order_id": "r-other"}


async def test_a_failure_while_reading_is_an_internal_error_and_not_left_to_the_other_path(make_api):
    router = HotRouter()

    @router.get("/v1/fragile")
    async def fragile() -> dict[str, str]:
        return {"answered": "by FastAPI"}

    @router.fast_path("GET", "/v1/fragile")
    async def read(request):
        raise LookupError("a defect")

    async with make_api(router=router).client() as client:
        answer = await client.get("/v1/fragile")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


async def test_the_route_is_named_in_the_metrics(api):
    def counted() -> float:
        labels = {"service": "order", "method": "POST", "route": "/v1/orders", "status": "201"}
        return REGISTRY.get_sample_value("http_requests_total", labels) or 0.0

    before = counted()
    async with api.client("orders:write") as client:
        await client.post("/v1/orders", json=ORDER, headers=KEY)
    assert counted() == before + 1


def test_with_telemetry_every_request_takes_fastapis_own_route_which_names_the_spans(make_api):
    assert FastPath in [each.cls for each in make_api().app.user_middleware]
    traced = make_api(otlp_endpoint="http://127.0.0.1:1")
    assert FastPath not in [each.cls for each in traced.app.user_middleware]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=12,
)


def same(one: object, other: object) -> bool:
    """Equal in value and type, and in the sign of zero."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    return type(one) is type(other) and one == other


@given(_JSON, st.booleans(), st.sampled_from([None, 1]))
def test_documents_are_read_as_the_standard_library_reads_them(document, ascii_only, indent):
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    assert same(from_json(text.encode(), allow_inf_nan=False), json.loads(text))
