"""Odd and huge input on the routes of payments and of the legal record: refused with the field, and never a failure."""

from __future__ import annotations

import base64
import json
from datetime import date
from typing import Any

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.conftest import OpenShop
from tests.unit.order.payments.test_payment_requests import payment_of, placed

from order_service.bootstrap import OrderApplication
from order_service.entrypoints.background.judge_due_orders import OrderJudge

ODD: list[Any] = [
    None, True, 0, -1, 1.5, 10**30, 1e308, "", "x", "\x00", "\ud800", "é" * 300, "x" * 70_000, [], [[]], {}, {"a": 1},
    "0000-00-00", "9999-12-31", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "-1", "NaN", "1e3",
]  # fmt: skip
VALID: dict[str, dict[str, Any]] = {
    "/v1/orders/{order}/offers/{offer}/answer": {"answer": "grant_until", "until": "2026-03-01"},
    "/v1/orders/{order}/offers/{offer}/notice": {"sent_at": "2026-01-05T09:00:00Z", "content_hash": "0" * 64},
    "/v1/payments/{payment}/results": {
        "attempt_id": "a", "outcome": "failed", "reference": "r", "reason": "x",
        "hold_ends_at": None, "action_url": None,
    },
    "/v1/payments/{payment}/refunds": {"amount": 1, "paid_outside": False, "reference": "r", "reason": "x"},
    "/v1/payments/{payment}/method": {"token": "t"},
    "/v1/payment-setups": {"provider": "nobody", "customer_id": "c"},
}  # fmt: skip


@pytest.mark.parametrize("route", VALID)
async def test_odd_values_are_refused_with_a_problem(open_shop: OpenShop, route: str):
    shop = await open_shop()
    order = await placed(shop, jurisdiction="US")
    application = shop.service.api.application
    assert isinstance(application, OrderApplication)
    for day in (date(2026, 1, 20), date(2026, 3, 20)):
        await shop.apply(shop.answer(order, LineAnswer(waiting=2, promise=day)))
        await OrderJudge(application).once()
    [offer] = (await shop.client.get(f"/v1/orders/{order['order_id']}/promises")).json()["offers"]
    payment = (await payment_of(shop, order))["payment_id"]
    path = route.format(order=order["order_id"], offer=offer["offer_id"], payment=payment)
    bodies = [json.dumps(VALID[route] | {name: odd}) for name in VALID[route] for odd in ODD]
    bodies += [json.dumps(odd) for odd in ODD] + [
        "",
        "{",
        "[" * 5000,
        '{"a":' * 5000,
        "NaN",
        '{"amount": NaN}',
        "\ufeff{}",
    ]
    for number, body in enumerate(bodies):
        answer = await shop.client.request(
            "PUT" if route.endswith("method") else "POST",
            path,
            content=body.encode(errors="surrogatepass"),
            headers={"Content-Type": "application/json", "Idempotency-Key": f"k{number}"},
        )
        assert answer.status_code < 500, (body[:200], answer.text)
        if answer.status_code >= 400:
            assert answer.json()["code"], body[:200]


ODD_CURSORS: list[Any] = [
    "x", "", [], ["2026-01-01T00:00:00", "x"], ["2026-01-01", "x"], [1, 2], [None, None], [[], {}],
    ["9999-12-31T23:59:59-14:00", "x"], ["2026-01-01T00:00:00Z", "\x00"],
]  # fmt: skip


@pytest.mark.parametrize("cursor", ODD_CURSORS)
async def test_an_odd_cursor_of_offers_is_refused(open_shop: OpenShop, cursor: Any):
    shop = await open_shop()
    text = cursor if isinstance(cursor, str) else base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode()
    for each in (text, text.rstrip("=")):
        query = {"due_before": "2026-03-01T00:00:00Z", "cursor": each}
        answer = await shop.client.get("/v1/offers", params=query)
        assert answer.status_code in (200, 400, 422), (cursor, answer.text)


@pytest.mark.parametrize("provider", ["webhook", "nobody", "\x00", "x" * 500, "stripe"])
@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[" * 9000, b"x" * 3_000_000])
async def test_an_event_of_nobody_is_refused(open_shop: OpenShop, provider: str, body: bytes):
    shop = await open_shop()
    path = "/v1/provider-events/" + provider.replace("\x00", "%00")
    for signature in ("", "t=,v1=", "t=1,v1=\u00e9", "t=" + "9" * 400 + ",v1=x", "v1=x", ",,,="):
        headers = {b"Stripe-Signature": signature.encode()}
        answer = await shop.client.post(path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, answer.text
