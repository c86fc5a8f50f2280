"""Addresses, bodies, versions, preferences, idempotency keys and browsers."""

import pytest
from fastapi import Response
from pydantic import BaseModel

from service_kit.http.conditional import etag
from service_kit.http.idempotency import fingerprint
from service_kit.http.responses import set_location

KEY = {"Idempotency-Key": "k"}
BODY = {"reference": "r", "lines": [{"sku": "a", "quantity": 1}]}


@pytest.mark.parametrize(
    ("parts", "location"),
    [
        (("orders", "o-1"), "/v1/orders/o-1"),
        (("policies", "a b/c?d#e"), "/v1/policies/a%20b%2Fc%3Fd%23e"),
        (("orders", "\N{GREEK SMALL LETTER OMEGA}"), "/v1/orders/%CF%89"),
        (("orders", "x\r\nSet-Cookie: a=b"), "/v1/orders/x%0D%0ASet-Cookie:%20a=b"),
        (("orders", "\ud800"), "/v1/orders/%3F"),
        (("orders", "//evil.example"), "/v1/orders/%2F%2Fevil.example"),
    ],
)
def test_a_location_is_a_path_whatever_its_parts_hold(parts, location):
    response = Response()
    set_location(response.headers, *parts)
    assert response.headers["Location"] == location


class TestBodyLimit:
    async def test_a_declared_length_over_the_limit_is_refused_at_once(self, api):
        async with api.client("orders:write") as client:
            answer = await client.post("/v1/orders", content=b" " * 65_537, headers=KEY)
        assert (answer.status_code, answer.json()["code"], answer.json()["limit_bytes"]) == (
            413,
            "body_too_large",
            65_536,
        )
        assert answer.headers["Content-Type"] == "application/problem+json"

    async def test_bytes_are_counted_as_they_arrive_and_reading_stops_at_the_limit(self, api):
        sent = 0

        async def endless():
            nonlocal sent
            while sent < 10_000_000:
                sent += 1024
                yield b" " * 1024

        async with api.client("orders:write") as client:
            answer = await client.post("/v1/orders", content=endless(), headers=KEY)
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert sent < 70_000

    async def test_a_body_of_exactly_the_limit_is_read(self, api):
        async with api.client("orders:write") as client:
            answer = await client.post("/v1/orders", content=b"{}".ljust(65_536), headers=KEY)
        assert answer.status_code == 422

    @pytest.mark.parametrize("declared", ["/v1/orders", "/v1/{kind}"])
    async def test_declared_paths_take_a_mebibyte(self, make_api, declared):
        api = make_api(large_body_paths=frozenset({declared}))
        async with api.client("orders:write") as client:
            assert (await client.post("/v1/orders", content=b"{}".ljust(1_048_576), headers=KEY)).status_code == 422
            assert (await client.post("/v1/orders", content=b" " * 1_048_577, headers=KEY)).status_code == 413
            assert (await client.post("/v1/orders/1/cancel", content=b" " * 65_537)).status_code == 413


class TestVersions:
    async def test_a_read_of_a_known_version_is_304_without_a_body(self, api):
        async with api.client("orders:read") as client:
            first = await client.get("/v1/orders/1")
            assert first.headers["ETag"] == etag(7) == '"7"'
            for header in ('"7"', 'W/"7"', '"1", "7"', "*"):
                again = await client.get("/v1/orders/1", headers={"If-None-Match": header})
                assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", '"7"')
            assert (await client.get("/v1/orders/1", headers={"If-None-Match": '"6"'})).status_code == 200

    @pytest.mark.parametrize(
        ("header", "status"),
        [
            ('"7"', 200),
            ("*", 200),
            ('W/"7"', 200),
            ("7", 200),
            ('"6"', 412),
            ('"x"', 412),
            ("9" * 5000, 412),
            (None, 428),
        ],
    )
    async def test_a_change_needs_the_current_version(self, api, header, status):
        headers = {"If-Match": header} if header else {}
        async with api.client("orders:write") as client:
            assert (await client.patch("/v1/orders/1", headers=headers)).status_code == status


class TestPreferences:
    @pytest.mark.parametrize(
        ("prefer", "waits"),
        [
            ("wait=1", 1.0),
            ("respond-async, wait=10", 2.0),
            ('return=minimal; x, wait="2"', 2.0),
            ("await=5", 0.0),
            ("", 0.0),
        ],
    )
    async def test_a_wait_is_granted_up_to_its_limit_and_confirmed(self, api, prefer, waits):
        async with api.client("orders:write") as client:
            answer = await client.post("/v1/orders", json=BODY, headers={**KEY, "Prefer": prefer})
        assert float(answer.headers["X-Waits"]) == waits
        assert answer.headers.get("Preference-Applied") == (f"wait={waits:g}" if waits else None)


class TestIdempotencyKey:
    @pytest.mark.parametrize(("sent", "used"), [("k-1", "k-1"), ('"k-1"', "k-1"), (r'"a\"b"', 'a"b'), ("  x ", "x")])
    async def test_a_key_may_be_quoted_or_bare(self, api, sent, used):
        async with api.client("orders:write") as client:
            answer = await client.post("/v1/orders", json=BODY, headers={"Idempotency-Key": sent})
        assert answer.json()["order_id"] == f"r-{used}"

    @pytest.mark.parametrize("sent", ["", '""', "x" * 256, "a\x7fb"])
    async def test_a_key_that_cannot_be_kept_is_400(self, api, sent):
        async with api.client("orders:write") as client:
            answer = await client.post("/v1/orders", json=BODY, headers={"Idempotency-Key": sent})
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")

    def test_a_fingerprint_tells_bodies_and_their_context_apart(self):
        class Body(BaseModel):
            a: int
            b: int = 2

        assert fingerprint(Body(a=1)) == fingerprint(Body(b=2, a=1))
        assert len({fingerprint(Body(a=1)), fingerprint(Body(a=2)), fingerprint(Body(a=1), "o-1")}) == 3


class TestBrowsers:
    async def test_scripts_of_other_origins_may_read_the_headers_that_matter(self, api):
        async with api.client("orders:read") as client:
            answer = await client.get("/v1/orders/1", headers={"Origin": "https://shop.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert {"ETag", "Idempotent-Replayed", "Link", "RateLimit", "RateLimit-Policy", "Retry-After"} <= set(
            exposed.split(", ")
        )

    async def test_a_preflight_needs_no_key(self, api):
        asked = {
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,idempotency-key",
        }
        async with api.client() as client:
            assert (await client.options("/v1/orders", headers=asked)).status_code == 200

    async def test_other_origins_are_refused_where_they_are_listed(self, make_api):
        api = make_api(cors_origins=["https://shop.example"])
        async with api.client("orders:read") as client:
            mine = await client.get("/v1/orders", headers={"Origin": "https://shop.example"})
            theirs = await client.get("/v1/orders", headers={"Origin": "https://evil.example"})
        assert mine.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert "Access-Control-Allow-Origin" not in theirs.headers


async def test_a_path_with_a_slash_too_many_is_not_found_and_names_no_host(api):
    async with api.client("orders:read") as client:
        answer = await client.get("/v1/orders/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers.get("Location")) == (404, None)
    assert "evil.example" not in answer.text


async def test_the_contracts_are_served(api):
    async with api.client() as client:
        assert (await client.get("/asyncapi.json")).json()["asyncapi"] == "3.0.0"
