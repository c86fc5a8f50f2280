"""Inputs made to break parsers, sent to every route with a key that may do everything: refused, and never a failure.

There is no database here: an input that gets past all checks ends in 503.
"""

import asyncio
import base64
import re

import httpx
import orjson
import pytest

BODIES = {
    "deep arrays": b"[" * 60_000,
    "deep objects": b'{"lines":' * 7_000,
    "closed deep arrays": b"[" * 20_000 + b"]" * 20_000,
    "deep inside": b'{"reference": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "long number": b'{"reference": "x", "lines": [{"sku": "a", "quantity": ' + b"9" * 10_000 + b"}]}",
    "long number everywhere": b'{"number": ' + b"9" * 50_000 + b"}",
    "huge exponent": b'{"reference": 1e999999, "lines": [{"sku": "a", "quantity": 1e999999}]}',
    "not a number": b'{"reference": NaN, "lines": [{"sku": "a", "quantity": NaN}]}',
    "infinity": b'{"lines": [{"sku": "a", "quantity": -Infinity}]}',
    "half a pair": b'{"reference": "\\ud800", "metadata": {"\\udfff": "\\ud800"}}',
    "zero byte": b'{"reference": "\\u0000", "name": "\\u0000"}',
    "not utf-8": b'{"reference": "\xff\xfe\xfd"}',
    "utf-16": '{"reference": "x"}'.encode("utf-16"),
    "utf-8 mark": b'\xef\xbb\xbf{"reference": "x"}',
    "many keys": b"{" + b",".join(b'"k%d": 1' % number for number in range(4000)) + b"}",
    "same key": b"{" + b",".join([b'"reference": "x"'] * 4000) + b"}",
    "a number": b"1",
    "null": b"null",
    "nothing": b"",
}


def cursor(document: bytes) -> str:
    return base64.urlsafe_b64encode(document).decode().rstrip("=")


WELL_FORMED_CURSORS = [cursor(b'[{"t": "2026-01-01T00:00:00+00:00"}, 7]'), cursor(orjson.dumps(["a" * 600]))]
"""Some routes give out cursors of this shape."""

CURSORS = [
    *WELL_FORMED_CURSORS,
    "",
    "x",
    "é",
    "%00",
    "-" * 999,
    cursor(b"[" * 700),
    cursor(b"[" + b"9" * 700 + b"]"),
    cursor(b"[9223372036854775808]"),
    cursor(b"[-9223372036854775809]"),
    cursor(b"[9223372036854775808, 9223372036854775808]"),
    cursor(b"[1e999]"),
    cursor(b"[NaN]"),
    cursor(b'["\\u0000"]'),
    cursor(b'["\\u0000", "\\u0000"]'),
    cursor(b'["\\ud800"]'),
    cursor(b'[{"t": "0001-01-01T00:00:00+14:00"}]'),
    cursor(b'[{"d": "2026-01-01"}, {"t": 1}]'),
    cursor(b"[null, null]"),
    cursor(b"[true, false]"),
    cursor(b"{}"),
    cursor(b"\xff"),
]

DATABASE_FIRST = {"/v1/backorders", "/v1/orders/x/shipments", "/v1/orders/x/events"}
"""These read a cursor only once they know the queue or the order that it is a place in."""


@pytest.fixture
async def client(app, full_key):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {full_key}", "Idempotency-Key": "k", "If-Match": "*"}
    async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as client:
        yield client


def routes(document, methods):
    for path, operations in document["paths"].items():
        for method in operations:
            if path.startswith("/v1/") and method in methods:
                yield method, re.sub(r"\{[^}]*\}", "x", path), operations[method]


def check_refused(response, statuses, what):
    assert response.status_code in statuses, f"{what}: {response.status_code} {response.text}"
    assert response.headers["Content-Type"] == "application/problem+json", what


@pytest.mark.parametrize("kind", BODIES)
async def test_a_hostile_body_is_refused(client, document, kind):
    async def send(method, path, operation, content_type) -> None:
        headers = {"Content-Type": content_type} if content_type else {}
        response = await client.request(method, path, content=BODIES[kind], headers=headers)
        left_out = kind in ("null", "nothing") and not operation["requestBody"].get("required")
        check_refused(response, {503} if left_out else {400, 413, 422}, f"{method} {path} with {kind}")

    # A command waits in vain for its database before it is answered: all of them at once.
    await asyncio.gather(
        *(
            send(method, path, operation, content_type)
            for method, path, operation in routes(document, {"post", "put", "patch"})
            if "requestBody" in operation
            for content_type in ("application/json", None)
        )
    )


async def test_a_doctored_cursor_is_refused_with_400(client, document):
    for method, path, operation in routes(document, {"get"}):
        if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ())):
            needed = {"location_id": "A", "sku": "A"}
            for doctored in CURSORS:
                response = await client.request(method, path, params={**needed, "cursor": doctored, "limit": 5})
                passes = {503} if doctored in WELL_FORMED_CURSORS else set()
                statuses = {503} if path in DATABASE_FIRST else {400} | passes
                check_refused(response, statuses, f"{path} with cursor {doctored!r}")


@pytest.mark.parametrize("number", ["9" * 5000, "9223372036854775808", "-1", "1e5", "0x10", "NaN"])
async def test_a_number_that_is_none_is_refused(client, document, number):
    for method, path, operation in routes(document, {"get"}):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query" and parameter["schema"].get("type") == "integer":
                response = await client.request(method, path, params={"sku": "A", parameter["name"]: number})
                assert response.status_code == 400, f"{path} {parameter['name']}"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "a" * 300, ""])
async def test_the_host_of_a_request_is_in_no_answer(client, document, host):
    for method, path, _ in routes(document, {"get", "post"}):
        for place in (path, f"{path}/"):
            response = await client.request(method, place, headers={"Host": host} if host else {}, json={})
            assert "evil.example" not in response.text + str(response.headers), place
            assert not 300 <= response.status_code < 400, place
