"""How often a caller may ask, how much at once, and what every answer tells of it."""

import asyncio
from typing import Annotated

import pytest
from fastapi import APIRouter
from pydantic import ValidationError

from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.rate_limit import RateLimiter, RateStatus


async def test_every_answer_tells_where_the_caller_stands(make_api):
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


async def test_an_importing_key_is_not_limited(make_api):
    api = make_api(rate_limit="1/minute")
    async with api.client("orders:read", "import") as client:
        assert [(await client.get("/v1/orders")).status_code for _ in range(3)] == [200] * 3


async def test_each_tracking_link_has_a_limit_of_its_own(make_api):
    def verify(token):
        return Principal("tracking:1", frozenset({"orders:read"}), order_id=token)

    api = make_api(verify_token=verify, rate_limit="2/minute")
    async with api.client() as client:
        answers = [(await client.get(f"/v1/orders/1?token={order}")).status_code for order in "aaabb"]
    assert answers == [200, 200, 429, 200, 200]


async def test_callers_without_a_key_are_counted_by_address_and_health_is_not_counted(make_api):
    api = make_api(anonymous_rate_limit="1/minute")
    async with api.client() as client:
        assert [(await client.get("/v1/orders")).status_code for _ in range(2)] == [401, 429]
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503


@pytest.mark.parametrize("setting", ["", "unlimited"])
async def test_limiting_can_be_switched_off(make_api, setting):
    api = make_api(rate_limit=setting, anonymous_rate_limit=setting)
    async with api.client("orders:read") as client:
        assert "RateLimit" not in (await client.get("/v1/orders")).headers


@pytest.mark.parametrize("rate", ["0/minute", "60", "60/m", "60/minute ", "6 per minute", "-1/hour", "none"])
def test_a_rate_that_cannot_be_meant_names_its_setting(make_api, rate):
    with pytest.raises(ValidationError, match="rate_limit"):
        make_api(rate_limit=rate)


@pytest.mark.parametrize(("rate", "window"), [("5/second", 1), ("5/hour", 3600), ("5/day", 86400)])
def test_windows_are_as_long_as_they_are_called(rate, window):
    assert RateLimiter("key", rate).hit("a").policy == f'"key";q=5;w={window}'


def test_a_callers_window_ends_and_another_begins():
    seconds = 100.0
    limiter = RateLimiter("key", "2/minute", now=lambda: seconds)
    assert [limiter.hit("a").allowed for _ in range(3)] == [True, True, False]
    seconds += 59.5
    assert limiter.hit("a") == RateStatus('"key";q=2;w=60', allowed=False, remaining=0, reset_seconds=1)
    seconds += 0.5
    assert limiter.hit("a") == RateStatus('"key";q=2;w=60', allowed=True, remaining=1, reset_seconds=60)


def test_callers_whose_window_is_over_are_forgotten():
    seconds = 0.0
    limiter = RateLimiter("address", "2/minute", now=lambda: seconds)
    for _ in range(20):
        for caller in range(500):
            limiter.hit(f"{seconds}-{caller}")
        seconds += 60
    assert len(limiter) <= 2000


async def test_requests_of_one_caller_at_the_same_time_are_limited(make_api):
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
