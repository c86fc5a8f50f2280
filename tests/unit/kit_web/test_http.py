"""Bodies, pages, versions, preferences, limits and browsers."""

import asyncio
import base64
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated

import pytest
from fastapi import APIRouter, Response
from pydantic import BaseModel, ValidationError

from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import etag
from service_kit.http.idempotency import fingerprint
from service_kit.http.pagination import decode_cursor, encode_cursor
from service_kit.http.problems import Problem
from service_kit.http.rate_limit import RateLimiter, RateStatus
from service_kit.http.responses import set_location
from service_kit.testing.eventually import eventually

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


class TestPages:
    async def test_pages_lead_to_the_end_by_cursor_and_link(self, api):
        seen: list[str] = []
        url: str | None = "/v1/orders?limit=2"
        async with api.client("orders:read") as client:
            while url:
                answer = await client.get(url)
                seen += [row["order_id"] for row in answer.json()["data"]]
                cursor = answer.json()["next_cursor"]
                link = answer.headers.get("Link")
                assert (cursor is None) == (link is None)
                url = link.removeprefix("<").partition(">")[0] if link else None
                assert url is None or f"cursor={cursor}" in url.replace("%3D", "=")
        assert seen == ["0", "1", "2", "3", "4"]

    @pytest.mark.parametrize("limit", ["0", "501", "-1", "x"])
    async def test_a_limit_out_of_range_is_400(self, api, limit):
        async with api.client("orders:read") as client:
            assert (await client.get(f"/v1/orders?limit={limit}")).status_code == 400

    @pytest.mark.parametrize("cursor", ["x", "!!!", "e30", encode_cursor("a"), encode_cursor(1, 2), "\u00e9"])
    async def test_a_cursor_that_is_not_ours_is_400(self, api, cursor):
        async with api.client("orders:read") as client:
            answer = await client.get("/v1/orders", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")

    def test_a_cursor_gives_back_its_values_with_their_types(self):
        values = (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), date(2026, 1, 2), "a/b", 7, None, 1.5)
        assert decode_cursor(encode_cursor(*values)) == values

    def test_a_cursor_with_text_that_no_database_holds_is_refused(self):
        with pytest.raises(Problem):
            decode_cursor(encode_cursor("\0"), str)

    def test_a_moment_without_a_zone_is_no_cursor_of_ours(self) -> None:
        with pytest.raises(Problem):
            decode_cursor(encode_cursor(datetime(2026, 3, 2, 9)), datetime)  # noqa: DTZ001

    def test_an_instant_that_has_no_place_in_utc_is_no_cursor_of_ours(self) -> None:
        """The database's driver would fail on it, which would be answered with 500."""
        beyond = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=12)))
        with pytest.raises(Problem):
            decode_cursor(encode_cursor(beyond), datetime)


class TestVersions:
    @pytest.mark.parametrize(
        ("document", "kinds"),
        [
            (b"[" * 5000, (str,)),
            (b"[9223372036854775808]", (int,)),
            (b"[" + b"9" * 5000 + b"]", (int,)),
            (b"[1e999]", (float,)),
            (b"[NaN]", (float,)),
            (b"[true]", (int,)),
            (b'[{"t": "2026-03-02T09:00:00+00:00"}]', (date,)),
            (b'[{"d": "99999-01-01"}]', (date,)),
            (b'["\\ud800"]', (str,)),
            (b'{"t": 1}', (str,)),
            (b"[[]]", (str,)),
            (b"[]", (str,)),
            (b"\xff\xfe", (str,)),
            (b"", (str,)),
        ],
    )
    def test_a_doctored_cursor_is_no_cursor(self, document, kinds):
        with pytest.raises(Problem, match="bad_cursor"):
            decode_cursor(base64.urlsafe_b64encode(document).decode(), *kinds)

    @pytest.mark.parametrize("cursor", ["é", "a", "=", "\ud800", "%00", "a" * 1000])
    def test_what_is_no_base64_is_no_cursor(self, cursor):
        with pytest.raises(Problem, match="bad_cursor"):
            decode_cursor(cursor, str)

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


class TestRateLimit:
    async def test_every_answer_tells_where_the_caller_stands(self, make_api):
        api = make_api(rate_limit="3/minute")
        async with api.client("orders:read") as one, api.client("orders:read") as other:
            answers = [await one.get("/v1/orders") for _ in range(4)]
            untouched = await other.get("/v1/orders")
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["RateLimit"].split(";")[:2] for answer in answers] == [
            ['"key"', "r=2"], ['"key"', "r=1"], ['"key"', "r=0"], ['"key"', "r=0"],
        ]  # fmt: skip
        assert answers[0].headers["RateLimit-Policy"] == '"key";q=3;w=60'
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 61
        assert answers[3].json()["code"] == "rate_limited"
        assert untouched.headers["RateLimit"].startswith('"key";r=2')

    async def test_an_importing_key_is_not_limited(self, make_api):
        api = make_api(rate_limit="1/minute")
        async with api.client("orders:read", "import") as client:
            assert [(await client.get("/v1/orders")).status_code for _ in range(3)] == [200] * 3

    async def test_each_tracking_link_has_a_limit_of_its_own(self, make_api):
        def verify(token):
            return Principal("tracking:1", frozenset({"orders:read"}), order_id=token)

        api = make_api(verify_token=verify, rate_limit="2/minute")
        async with api.client() as client:
            answers = [(await client.get(f"/v1/orders/1?token={order}")).status_code for order in "aaabb"]
        assert answers == [200, 200, 429, 200, 200]

    async def test_callers_without_a_key_are_counted_by_address_and_health_is_not_counted(self, make_api):
        api = make_api(anonymous_rate_limit="1/minute")
        async with api.client() as client:
            assert [(await client.get("/v1/orders")).status_code for _ in range(2)] == [401, 429]
            assert (await client.get("/livez")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503

    @pytest.mark.parametrize("setting", ["", "unlimited"])
    async def test_limiting_can_be_switched_off(self, make_api, setting):
        api = make_api(rate_limit=setting, anonymous_rate_limit=setting)
        async with api.client("orders:read") as client:
            assert "RateLimit" not in (await client.get("/v1/orders")).headers

    @pytest.mark.parametrize("rate", ["0/minute", "60", "60/m", "60/minute ", "6 per minute", "-1/hour", "none"])
    def test_a_rate_that_cannot_be_meant_names_its_setting(self, make_api, rate):
        with pytest.raises(ValidationError, match="rate_limit"):
            make_api(rate_limit=rate)

    @pytest.mark.parametrize(("rate", "window"), [("5/second", 1), ("5/hour", 3600), ("5/day", 86400)])
    def test_windows_are_as_long_as_they_are_called(self, rate, window):
        assert RateLimiter("key", rate).hit("a").policy == f'"key";q=5;w={window}'

    def test_a_callers_window_ends_and_another_begins(self):
        seconds = 100.0
        limiter = RateLimiter("key", "2/minute", now=lambda: seconds)
        assert [limiter.hit("a").allowed for _ in range(3)] == [True, True, False]
        seconds += 59.5
        assert limiter.hit("a") == RateStatus('"key";q=2;w=60', allowed=False, remaining=0, reset_seconds=1)
        seconds += 0.5
        assert limiter.hit("a") == RateStatus('"key";q=2;w=60', allowed=True, remaining=1, reset_seconds=60)

    def test_callers_whose_window_is_over_are_forgotten(self):
        seconds = 0.0
        limiter = RateLimiter("address", "2/minute", now=lambda: seconds)
        for _ in range(20):
            for caller in range(500):
                limiter.hit(f"{seconds}-{caller}")
            seconds += 60
        assert len(limiter) <= 2000


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


class TestHealth:
    async def test_alive_as_long_as_no_watched_part_is_silent(self, api):
        async with api.client() as client, api.ops_client() as ops:
            assert (await client.get("/livez")).json() == {"status": "pass", "serviceId": "order"}
            api.service.health.watch("consumer", 0.0)
            silent = await ops.get("/livez")
            assert (silent.status_code, silent.headers["Content-Type"]) == (503, "application/health+json")
            assert list(silent.json()["checks"]) == ["consumer"]
            public = await client.get("/livez")
            assert (public.status_code, public.json()) == (503, {"status": "fail", "serviceId": "order"})
            api.service.health.forget("consumer")
            assert (await client.get("/livez")).status_code == 200

    async def test_not_ready_before_the_start_without_the_database_and_while_stopping(self, api):
        async with api.client() as client, api.ops_client() as ops:
            assert list((await ops.get("/readyz")).json()["checks"]) == ["startup"]
            assert (await client.get("/startupz")).status_code == 503
            api.service.health.started = True
            assert (await client.get("/startupz")).status_code == 200
            missing = await ops.get("/readyz")
            assert missing.status_code == 503
            assert set(missing.json()["checks"]) == {"database", "migrations"}
            assert "checks" not in (await client.get("/readyz")).json()
            api.service.health.stopping.set()
            assert list((await ops.get("/readyz")).json()["checks"]) == ["shutdown"]
            assert (await client.get("/readyz")).status_code == 503

    async def test_readiness_is_checked_once_however_many_ask_on_the_public_port(self, api):
        checks = 0

        async def counted() -> None:
            nonlocal checks
            checks += 1
            await asyncio.sleep(0)

        api.service.health.checks.clear()
        api.service.health.checks["counted"] = counted
        api.service.health.started = True
        async with api.client() as client:
            answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert checks == 1

    async def test_metrics_count_requests_by_route_and_not_by_path(self, api):
        async with api.client("orders:read") as client, api.ops_client() as ops:
            await client.get("/v1/orders/very-special-order")
            metrics = (await ops.get("/metrics")).text
            assert (await client.get("/metrics")).status_code == 404
        assert 'http_requests_total{method="GET",route="/v1/orders/{order_id}",service="order",status="200"}' in metrics
        assert "very-special-order" not in metrics

    async def test_a_worker_without_an_ops_port_serves_its_metrics_where_it_listens(self, make_api):
        async with make_api(role="worker").client() as client:
            assert (await client.get("/metrics")).status_code == 200
            assert "checks" in (await client.get("/readyz")).json()
        async with make_api(role="worker", ops_port=0).client() as client:
            assert (await client.get("/metrics")).status_code == 404

    async def test_requests_of_one_caller_at_the_same_time_are_limited(self, make_api):
        router, go_on, begun = APIRouter(), asyncio.Event(), asyncio.Event()

        @router.get("/v1/wait")
        async def wait(principal: Annotated[Principal, require("ops")]) -> str:
            begun.set()
            await go_on.wait()
            return "done"

        api = make_api(router=router, caller_concurrency=1)
        async with api.client("ops") as client, api.client("ops") as other:
            first = asyncio.create_task(client.get("/v1/wait"))
            await begun.wait()
            refused = await client.get("/v1/wait")
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_at_once")
            second = asyncio.create_task(other.get("/v1/wait"))
            go_on.set()
            assert [(await one).status_code for one in (first, second)] == [200, 200]
            assert (await client.get("/v1/wait")).status_code == 200

    async def test_a_path_with_a_slash_too_many_is_not_found_and_names_no_host(self, api):
        async with api.client("orders:read") as client:
            answer = await client.get("/v1/orders/", headers={"Host": "evil.example"})
        assert (answer.status_code, answer.headers.get("Location")) == (404, None)
        assert "evil.example" not in answer.text

    async def test_a_keyring_that_cannot_be_read_opens_nothing(self, api):
        async with api.client("orders:read") as client:
            assert (await client.get("/v1/orders")).status_code == 200
            api.service.settings.keyring_path.write_text("[{")
            await eventually(lambda: self._is_unreadable(client), 30)
            assert (await client.get("/v1/orders")).json()["code"] == "keys_unreadable"

    @staticmethod
    async def _is_unreadable(client) -> bool:
        return (await client.get("/v1/orders")).status_code == 503

    async def test_the_contracts_are_served(self, api):
        async with api.client() as client:
            assert (await client.get("/asyncapi.json")).json()["asyncapi"] == "3.0.0"
