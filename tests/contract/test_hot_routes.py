"""The hot routes of the services: FastAPI serves each of them as well, and both answer alike, whatever is asked."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service_kit.http.app import create_app
from service_kit.http.fast_path import FastPath, HotRouter
from service_kit.testing.usual_routes import without_fast_path

HOT = {
    "order": {("POST", "/v1/orders")},
    "allocation": {("POST", "/v1/availability"), ("GET", "/v1/availability")},
}
ORDER: dict[str, Any] = {"reference": "r", "lines": [{"sku": "a", "quantity": 1}]}
CART: dict[str, Any] = {"lines": [{"sku": "a", "quantity": 1}, {"sku": "a", "quantity": 2}]}
KEY = {"Idempotency-Key": "k"}
JSON = {"Content-Type": "application/json"}

# Without a database, a request in order is answered with 503 or, where allocation is asked nothing, in full.
REQUESTS: dict[str, list[tuple[str, str, dict[str, str], Any]]] = {
    "order": [
        ("POST", "/v1/orders", KEY, ORDER),
        ("POST", "/v1/orders?unknown=1", KEY, ORDER),
        ("POST", "/v1/orders", {}, ORDER),
        ("POST", "/v1/orders", {"Idempotency-Key": " "}, ORDER),
        ("POST", "/v1/orders", {"Idempotency-Key": "k" * 256}, ORDER),
        ("POST", "/v1/orders", {**KEY, "Content-Type": "text/plain"}, json.dumps(ORDER).encode()),
        ("POST", "/v1/orders", KEY | JSON, b""),
        ("POST", "/v1/orders", KEY | JSON, b"null"),
        ("POST", "/v1/orders", KEY | JSON, b"{"),
        ("POST", "/v1/orders", KEY | JSON, b"[" * 100_000),
        ("POST", "/v1/orders", KEY, ORDER | {"lines": []}),
        ("POST", "/v1/orders", KEY, ORDER | {"lines": [{"sku": "a", "quantity": 2.0, "unit_price": 3}]}),
        ("POST", "/v1/orders", KEY, ORDER | {"lines": [{"sku": "a\0", "quantity": "2"}]}),
        ("POST", "/v1/orders", KEY, ORDER | {"placed_at": "2020-01-01T00:00:00Z"}),
        ("POST", "/v1/orders", KEY, ORDER | {"deposit_percent": 5}),
        ("POST", "/v1/orders", KEY, ORDER | {"metadata": {"number": 2**53, "more": 2**70}}),
    ],
    "allocation": [
        ("POST", "/v1/availability", {}, CART),
        ("POST", "/v1/availability", {}, {"lines": []}),
        ("POST", "/v1/availability", {}, {"lines": [{"sku": "", "quantity": 0, "more": 1}]}),
        ("POST", "/v1/availability", JSON, b"nonsense"),
        ("GET", "/v1/availability?sku=a&sku=b&quantity=2", {}, None),
        ("GET", "/v1/availability?sku=a&quantity=2&quantity=3", {}, None),
        ("GET", "/v1/availability", {}, None),
        ("GET", "/v1/availability?sku=", {}, None),
        ("GET", "/v1/availability?sku=a&quantity=", {}, None),
        ("GET", "/v1/availability?sku=a&quantity=0", {}, None),
        ("GET", "/v1/availability?sku=a&quantity=1.0", {}, None),
        ("GET", "/v1/availability?" + "sku=a&" * 101, {}, None),
        ("HEAD", "/v1/availability?sku=a", {}, None),
    ],
}


@pytest.fixture(scope="session")
def both(build_service, service_name):
    """The application, and one whose requests all take FastAPI's own routes."""
    return create_app(build_service(service_name)), without_fast_path(create_app(build_service(service_name)))


@pytest.fixture(scope="session")
def narrow_key(keyring) -> str:
    return keyring.create_key("import only", ["import"])[0]


def hot_routes(app):
    [routers] = [each.kwargs["routers"] for each in app.user_middleware if each.cls is FastPath]
    return [route for router in routers if isinstance(router, HotRouter) for route in router.hot_routes]


async def seen(app, method: str, url: str, headers: dict[str, str], body: Any) -> tuple[object, ...]:
    """All of an answer that does not differ from one request to the next."""
    given = {"content": body} if body is None or isinstance(body, bytes) else {"json": body}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        answer = await client.request(method, url, headers=headers, **given)
    kept = sorted((name, value) for name, value in answer.headers.multi_items() if name != "x-request-id")
    return answer.status_code, kept, answer.text.replace(answer.headers["x-request-id"], "TRACE")


def test_the_hot_routes_are_the_ones_that_are_meant(app, service_name):
    assert {(route.method, route.path) for route in hot_routes(app)} == HOT.get(service_name, set())


def test_fastapi_serves_every_hot_route_with_the_same_status(app, document):
    for route in hot_routes(app):
        responses = document["paths"][route.path][route.method.lower()]["responses"]
        assert str(route.status) in responses


async def test_both_paths_answer_alike(both, service_name, full_key, narrow_key):
    async def alike(key, method, url, headers, body) -> None:
        given = {**headers, "Authorization": f"Bearer {key}"} if key else headers
        fast, usual = [await seen(app, method, url, given, body) for app in both]
        assert fast == usual, (url, body)

    # A command waits in vain for its database before it is answered: all of them at once.
    keys = (full_key, narrow_key, None)
    await asyncio.gather(*(alike(key, *request) for request in REQUESTS.get(service_name, []) for key in keys))


_WORDS = st.sampled_from(
    ["sku", "quantity", "lines", "reference", "unit_price", "amount", "metadata", "placed_at", "x"]
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.just("2026-05-04"),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(_WORDS, inside, max_size=4),
    max_leaves=10,
)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(changes=st.dictionaries(_WORDS, _VALUES, max_size=3), line=st.dictionaries(_WORDS, _VALUES, max_size=3))
async def test_both_paths_judge_any_document_alike(both, service_name, full_key, changes, line):
    fast, usual = both
    for method, path in sorted(HOT.get(service_name, ())):
        if method == "POST":
            body = {"reference": "r"} if service_name == "order" else {}
            document = {**body, "lines": [{"sku": "a", "quantity": 1, **line}], **changes}
            request = (
                method,
                path,
                KEY | JSON | {"Authorization": f"Bearer {full_key}"},
                json.dumps(document).encode(),
            )
            by_fast, by_usual = await asyncio.gather(seen(fast, *request), seen(usual, *request))
            assert by_fast == by_usual
