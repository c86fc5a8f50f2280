"""Reports and refunds that meet in an awkward order: what was found by attacking them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.conftest import OpenShop
from tests.unit.order.payments.test_payment_requests import PAYMENT, payment_of, placed, report, work
from tests.unit.order.shop import InMemoryShop

from order_service.domain.payments.target import LineMoney, target_of
from order_service.domain.payments.terms import ChargeAt, PaymentTerms


async def give_back(shop: InMemoryShop, payment_id: str, amount: int, **more: Any) -> Any:
    return await shop.post(f"/v1/payments/{payment_id}/refunds", {"amount": amount, **more})


async def test_goodwill_that_was_given_back_leaves_the_rest_to_give(open_shop: OpenShop):
    shop = await open_shop()
    await placed(shop)
    payment_id = (await report(shop, await work(shop))).json()["payment_id"]
    assert (await give_back(shop, payment_id, 1200)).status_code == 201
    assert (await report(shop, await work(shop))).json()["refunded"] == 1200
    too_much = await give_back(shop, payment_id, 801)
    assert (too_much.status_code, too_much.json()["most"]) == (409, 800)
    assert (await give_back(shop, payment_id, 800)).status_code == 201
    assert (await report(shop, await work(shop))).json()["refunded"] == 2000


async def test_what_is_paid_outside_while_it_is_on_its_way_is_not_charged_again(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop)
    payment_id = (await report(shop, await work(shop))).json()["payment_id"]
    part = {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 1}]}
    await shop.post(f"/v1/orders/{order['order_id']}/cancel", part)
    on_its_way = await work(shop)
    assert (await give_back(shop, payment_id, 1000, paid_outside=True)).status_code == 201
    assert (await report(shop, on_its_way)).json()["refunded"] == 2000
    assert await work(shop) is None
    assert (await payment_of(shop, order))["due"] == 0


@pytest.mark.parametrize("conceded", [100, 250, 300])
def test_goodwill_takes_from_a_deposit_that_is_kept_and_only_once(conceded: int):
    terms = PaymentTerms("USD", ChargeAt.DEPOSIT, deposit_percent=25, deposit_kept=True)
    gone = [LineMoney("l1", 1000, 0, forfeited=1)]
    left = max(0, 250 - conceded)
    for net in (250, left):
        assert target_of(terms, gone, {}, {}, net=net, conceded=conceded).captured == left


async def test_an_attempt_that_was_given_up_may_turn_out_to_have_succeeded(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop)
    asked = await work(shop)
    assert (await report(shop, asked, "action_required")).json()["state"] == "action_required"
    payment_id = (await payment_of(shop, order))["payment_id"]
    await shop.client.put(f"/v1/payments/{payment_id}/method", json={"token": "account-8"})
    again = await work(shop)
    late = await report(shop, asked)
    assert (late.status_code, late.json()["captured"]) == (200, 2000), late.text
    await report(shop, again, reference="r-2")
    refund = await work(shop)
    assert refund is not None
    assert refund.request is not None
    assert (refund.request.kind, refund.request.amount) == ("refund", 2000)
    assert (await report(shop, asked, "failed")).status_code == 409


async def test_a_charge_that_the_merchants_system_cancels_is_not_asked_for_again_at_once(open_shop: OpenShop):
    shop = await open_shop()
    await placed(shop)
    for _ in range(2):
        asked = await work(shop)
        for _ in range(2):
            assert (await report(shop, asked, "cancelled")).json()["state"] == "declined"
        assert await work(shop) is None
        shop.clock.advance(timedelta(hours=9))


async def test_nobody_authenticates_a_refund(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop)
    await report(shop, await work(shop))
    await shop.post(f"/v1/orders/{order['order_id']}/cancel", {})
    refused = await report(shop, await work(shop), "action_required")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/outcome")


@pytest.mark.parametrize("provider", ["webhook", "nobody"])
async def test_a_setup_is_begun_only_where_there_is_a_form(open_shop: OpenShop, provider: str):
    shop = await open_shop()
    refused = await shop.client.post("/v1/payment-setups", json={"provider": provider})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/provider")


async def test_an_order_that_costs_more_than_can_be_counted_is_refused(open_shop: OpenShop):
    shop = await open_shop()
    await shop.know("lamp")
    line = {"sku": "lamp", "quantity": 1_000_000, "unit_price": 1_000_000_001}
    body = {"reference": "much", "payment": PAYMENT, "charge_at": "order", "lines": [line]}
    refused = await shop.client.post("/v1/orders", json=body, headers={"Idempotency-Key": "much"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/lines")


async def test_a_hold_that_is_over_is_not_reported_as_made(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop, charge_at="shipment")
    await shop.apply(shop.answer(order, LineAnswer(allocated=2), name="OrderAllocated"))
    asked = await work(shop)
    refused = await report(shop, asked, hold_ends_at=shop.clock.now().isoformat())
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/hold_ends_at")
    ends_at = shop.clock.now() + timedelta(days=4)
    for _ in range(2):
        assert (await report(shop, asked, hold_ends_at=ends_at.isoformat())).json()["held"] == 2000
    shop.clock.advance(timedelta(days=5))
    assert (await report(shop, asked, hold_ends_at=ends_at.isoformat())).status_code == 200
