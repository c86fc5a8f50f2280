"""Stripe's own mock server accepts every request of the adapter, and its responses have the simulator's fields.

The requests are those of the adapter's whole suite, made at the simulator and sent to the mock server again. It judges
them by Stripe's OpenAPI specification; it keeps no state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.unit.order.payments.stripe_shop import open_stripe_shop
from tests.unit.order.payments.stripe_suite import BEHAVIOURS

from backorder_local.stripe_mock import StripeMockUnavailable, ensure_stripe_mock, running_stripe_mock
from order_service.adapters.payments.stripe_client import StripeAccount
from order_service.adapters.payments.stripe_provider import StripeProvider

pytestmark = pytest.mark.timeout(700)

Exchange = tuple[httpx.Request, httpx.Response]

CALLS = {
    "GET /v1/disputes/{id}",
    "GET /v1/payment_intents",
    "GET /v1/payment_intents/search",
    "GET /v1/payment_intents/{id}",
    "GET /v1/payment_methods/{id}",
    "GET /v1/refunds",
    "GET /v1/refunds/{id}",
    "GET /v1/setup_intents/{id}",
    "POST /v1/customers",
    "POST /v1/payment_intents",
    "POST /v1/payment_intents/{id}/cancel",
    "POST /v1/payment_intents/{id}/capture",
    "POST /v1/payment_intents/{id}/confirm",
    "POST /v1/refunds",
    "POST /v1/setup_intents",
}
"""All calls that the adapter makes."""

OPTIONAL = {"failure_reason", "next_page", "us_bank_account"}
"""Fields that Stripe's objects have only at times, and its examples not at all."""


@pytest.fixture(scope="module")
def stripe_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Stripe's mock server, or the reason why it cannot be had."""
    try:
        ensure_stripe_mock()
    except StripeMockUnavailable as why:
        pytest.skip(f"not run: {why}")
    with running_stripe_mock(tmp_path_factory.mktemp("stripe-mock") / "log") as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def exchanges() -> list[Exchange]:
    """Each request of the suite with the simulator's response; requests that differ in ids alone once."""
    kept: dict[tuple[str, str], Exchange] = {}
    for behaviour in BEHAVIOURS:
        async with open_stripe_shop() as shop:
            await behaviour(shop)
            for request, response in shop.transport.kept:
                form = re.sub(r"attempt-\d+", "attempt", _without_ids(_form_of(request)))
                kept.setdefault((_call(request), f"{form} {response.status_code}"), (request, response))
    return list(kept.values())


async def test_the_suite_makes_every_call_of_the_adapter(exchanges: list[Exchange]) -> None:
    assert {_call(request) for request, _ in exchanges} == CALLS


async def test_stripe_accepts_every_request(stripe_mock: str, exchanges: list[Exchange]) -> None:
    refused = {}
    async with httpx.AsyncClient(trust_env=False) as client:
        for request, _ in exchanges:
            told = await _again(client, stripe_mock, request)
            if told.status_code != 200:
                refused[_call(request)] = (_form_of(request), told.json())
    assert refused == {}


async def test_the_simulator_says_nothing_that_stripe_would_not(stripe_mock: str, exchanges: list[Exchange]) -> None:
    invented: dict[str, set[str]] = {}
    compared = set()
    async with httpx.AsyncClient(trust_env=False) as client:
        for request, response in exchanges:
            if response.status_code == 200:
                real = (await _again(client, stripe_mock, request)).json()
                new = _fields(response.json()) - _fields(real) - OPTIONAL
                compared.add(_call(request))
                if new:
                    invented.setdefault(_call(request), set()).update(new)
    assert invented == {}
    assert compared == CALLS


async def test_the_adapter_reads_what_stripe_responds(stripe_mock: str) -> None:
    provider = StripeProvider(StripeAccount("sk_test_123", url=stripe_mock))
    try:
        setup = await provider.set_up("WEB-1", None)
        assert setup.client_secret is not None
        # The example of the specification is an inquiry, by which no money moves.
        assert await provider.dispute("dp_1") is None
    finally:
        await provider.close()


async def _again(client: httpx.AsyncClient, url: str, request: httpx.Request) -> httpx.Response:
    sent = {name: value for name, value in request.headers.items() if name in ("content-type", "stripe-version")}
    headers = {**sent, "Authorization": "Bearer sk_test_123"}
    target = httpx.URL(url).copy_with(raw_path=request.url.raw_path)
    return await client.request(request.method, target, content=request.content, headers=headers)


def _form_of(request: httpx.Request) -> str:
    return request.content.decode() if request.method == "POST" else request.url.query.decode()


def _without_ids(text: str) -> str:
    return re.sub(r"\b(pi|seti|pm|cus|re|dp|ch)_\w+", r"\1", re.sub(r"\d{9,}", "time", text))


def _call(request: httpx.Request) -> str:
    path = re.sub(r"/(pi|seti|pm|cus|re|dp)_\w+", "/{id}", request.url.path)
    return f"{request.method} {path}"


def _fields(body: dict[str, Any]) -> set[str]:
    """Names of the fields, of lists those of the first object too."""
    first: dict[str, Any] = next(iter(body.get("data", ())), {})
    return set(body) | {f"data.{name}" for name in first.keys() - OPTIONAL}
