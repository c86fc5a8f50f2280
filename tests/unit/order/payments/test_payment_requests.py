"""Payments over HTTP: orders with a payment, reading it, reporting results, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.conftest import OpenShop
from tests.unit.order.shop import InMemoryShop

from event_contracts import PaymentStatus
from order_service.application.payments.advance_payments import advance_payments
from order_service.bootstrap import OrderApplication

PAYMENT = {"provider": "webhook", "token": "account-7"}
PRICED = [{"sku": "lamp", "quantity": 2, "unit_price": 1000}]


async def placed(shop: InMemoryShop, *, promise: date | None = None, **fields: Any) -> dict[str, Any]:
    """An order of two lamps that the merchant's system takes the money for, and that allocation lets wait."""
    await shop.know("lamp")
    fields = {"payment": PAYMENT, "lines": PRICED, "charge_at": "order", **fields}
    order = await shop.place(**fields)
    waiting = order["lines"][0]["quantity"]
    await shop.apply(shop.answer(order, LineAnswer(waiting=waiting, promise=promise), name="OrderBackordered"))
    return order


async def work(shop: InMemoryShop) -> PaymentStatus | None:
    """Let the worker do what is due; what it asks the merchant's system for."""
    application = shop.service.api.application
    assert isinstance(application, OrderApplication)
    await advance_payments(application.units, application.providers)
    requests = [event.payload for event in await shop.published() if isinstance(event.payload, PaymentStatus)]
    return next((one for one in reversed(requests) if one.request is not None), None)


async def report(shop: InMemoryShop, asked: PaymentStatus | None, outcome: str = "succeeded", **more: Any) -> Any:
    """The merchant's system reports the result of what it was asked for."""
    assert asked is not None
    assert asked.request is not None
    body = {"attempt_id": asked.request.attempt_id, "outcome": outcome, "reference": "r-1", **more}
    return await shop.client.post(f"/v1/payments/{asked.payment_id}/results", json=body)


async def payment_of(shop: InMemoryShop, order: dict[str, Any]) -> dict[str, Any]:
    response = await shop.client.get(f"/v1/orders/{order['order_id']}/payment")
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_an_order_without_a_payment_has_none_and_all_of_it_may_leave(open_shop: OpenShop):
    shop = await open_shop()
    await shop.know("lamp")
    order = await shop.allocated(("lamp", 2))
    assert (order["payment_provider"], order["lines"][0]["quantity_unpaid"]) == (None, 0)
    assert (await shop.client.get(f"/v1/orders/{order['order_id']}/payment")).status_code == 404


async def test_the_merchants_system_is_asked_and_its_result_pays_the_order(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop, fees=[{"name": "shipping", "amount": 490}])
    asked = await work(shop)
    assert asked is not None
    assert asked.request is not None
    assert (asked.request.kind, asked.request.amount, asked.request.method) == ("charge", 2490, "account-7")
    assert (await report(shop, asked)).json()["state"] == "paid"
    paid = await payment_of(shop, order)
    assert (paid["captured"], paid["due"], paid["currency_digits"]) == (2490, 2490, 2)


async def test_what_is_not_paid_is_told_with_the_line(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop, charge_at="allocation")

    await shop.apply(shop.answer(order, LineAnswer(allocated=2), name="OrderAllocated"))
    assert (await shop.read(order))["lines"][0]["quantity_unpaid"] == 2
    refused = await shop.ship(order, 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "unpaid")
    assert (await shop.ship(order, 1, unpaid=True)).status_code == 201


async def test_a_result_counts_once_and_another_one_is_refused(open_shop: OpenShop):
    shop = await open_shop()
    await placed(shop)
    asked = await work(shop)
    for _ in range(2):
        assert (await report(shop, asked)).json()["captured"] == 2000
    refused = await report(shop, asked, "failed")
    assert (refused.status_code, refused.json()["code"]) == (409, "attempt_ended")


async def test_a_declined_payment_says_what_the_customer_has_to_do(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop)
    asked = await work(shop)
    await report(shop, asked, "failed", reason="insufficient_funds")
    declined = await payment_of(shop, order)
    assert (declined["state"], declined["action"]["kind"]) == ("declined", "replace_method")
    response = await shop.client.put(f"/v1/payments/{declined['payment_id']}/method", json={"token": "account-8"})
    assert response.status_code == 200
    asked = await work(shop)
    assert asked is not None
    assert asked.request is not None
    assert asked.request.method == "account-8"


async def test_a_customer_sees_their_own_payment_only(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop, customer_id="c1")
    payment_id = (await payment_of(shop, order))["payment_id"]
    for who, status in (("customer-1", 200), ("customer-2", 404)):
        assert (await shop.client_as(who).get(f"/v1/payments/{payment_id}")).status_code == status
        body = {"token": "account-9"}
        assert (await shop.client_as(who).put(f"/v1/payments/{payment_id}/method", json=body)).status_code == status
    refused = await shop.client_as("customer-1").post(f"/v1/payments/{payment_id}/results", json={})
    assert refused.status_code == 403


async def test_money_is_given_back_out_of_goodwill_once_for_each_key(open_shop: OpenShop):
    shop = await open_shop()
    await placed(shop)
    payment_id = (await report(shop, await work(shop))).json()["payment_id"]
    for key in ("k1", "k1"):
        given = await shop.post(f"/v1/payments/{payment_id}/refunds", {"amount": 300}, key)
        assert given.status_code == 201, given.text
        assert given.json()["refund_due"] == 300
    too_much = await shop.post(f"/v1/payments/{payment_id}/refunds", {"amount": 1701})
    assert (too_much.status_code, too_much.json()["most"]) == (409, 1700)
    asked = await work(shop)
    assert asked is not None
    assert asked.request is not None
    assert (asked.request.kind, asked.request.amount, asked.request.reference) == ("refund", 300, "r-1")


async def test_what_was_given_back_in_another_way_is_taken_note_of(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop)
    payment_id = (await report(shop, await work(shop))).json()["payment_id"]
    await shop.post(f"/v1/orders/{order['order_id']}/cancel", {})
    body = {"amount": 2000, "paid_outside": True, "reference": "bank-1"}
    given = await shop.post(f"/v1/payments/{payment_id}/refunds", body)
    assert (given.json()["refunded"], given.json()["refund_due"]) == (2000, 0)
    assert await work(shop) is None


async def test_a_price_falls_and_the_difference_goes_back_and_it_never_rises(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop)
    await report(shop, await work(shop))
    order = await shop.read(order)
    path = f"/v1/orders/{order['order_id']}/lines/{order['lines'][0]['line_id']}"
    dearer = await shop.patch(path, {"unit_price": 1001}, order["version"])
    assert (dearer.status_code, dearer.json()["code"]) == (409, "dearer_price")
    other = await shop.patch(path, {"unit_price": {"amount": 9, "currency": "USD"}}, order["version"])
    assert other.status_code == 422
    assert (await shop.patch(path, {"unit_price": 900}, order["version"])).status_code == 200
    asked = await work(shop)
    assert asked is not None
    assert asked.request is not None
    assert (asked.request.kind, asked.request.amount) == ("refund", 200)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"currency": "ABC"}, "/currency"),
        ({"currency": "XAU"}, "/currency"),
        ({"lines": [{"sku": "lamp", "quantity": 1, "unit_price": {"amount": 1, "currency": "ZZZ"}}]}, "currency"),
        ({"payment": {"provider": "nobody", "token": "x"}}, "/payment/provider"),
        ({"payment": {"provider": "webhook", "token": ""}}, "/payment/token"),
        ({"payment": {"provider": "webhook", "token": "4242 4242 4242 4242"}}, "/payment/token"),
        ({"payment": None, "fees": [{"name": "shipping", "amount": 1}]}, "/fees"),
        ({"fees": [{"name": "shipping", "amount": -1}]}, "/fees/0/amount"),
        ({"deposit_terms": {"kept_if_customer_cancels": True}}, "/deposit_terms"),
        (
            {
                "charge_at": "deposit",
                "deposit_percent": 20,
                "jurisdiction": "EU",
                "deposit_terms": {"kept_if_customer_cancels": True},
            },
            "/deposit_terms/kept_if_customer_cancels",
        ),
    ],
)
async def test_what_contradicts_itself_is_refused_with_the_field(open_shop: OpenShop, fields: Any, pointer: str):
    shop = await open_shop()
    await shop.know("lamp")
    response = await shop.post_order(**{"payment": PAYMENT, "lines": PRICED, "charge_at": "order", **fields})
    assert response.status_code == 422, response.text
    assert pointer in response.text


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("EUR", 2), ("KWD", 3)])
async def test_amounts_have_the_decimals_of_their_currency(open_shop: OpenShop, currency: str, digits: int):
    shop = await open_shop()
    order = await placed(shop, currency=currency)
    assert (await payment_of(shop, order))["currency_digits"] == digits


async def test_a_deposit_stays_with_the_merchant_only_where_the_customer_cancels(open_shop: OpenShop):
    shop = await open_shop()
    terms: dict[str, Any] = {
        "charge_at": "deposit",
        "deposit_percent": 25,
        "jurisdiction": "US",
        "currency": "USD",
        "deposit_terms": {"kept_if_customer_cancels": True},
    }
    for body, refund in (({"by_customer": True}, 0), ({}, 500)):
        order = await placed(shop, **terms)
        await report(shop, await work(shop))
        await shop.post(f"/v1/orders/{order['order_id']}/cancel", body)
        await work(shop)
        assert (await payment_of(shop, order))["refund_due"] == refund


async def test_events_that_nobody_signed_are_refused_and_nothing_is_stored(open_shop: OpenShop):
    shop = await open_shop()
    forged = await shop.client_as().post("/v1/provider-events/webhook", content=b"{}")
    assert (forged.status_code, forged.json()["code"]) == (400, "signature_invalid")
    assert (await shop.client_as().post("/v1/provider-events/nobody", content=b"{}")).status_code == 422
    application = shop.service.api.application
    assert isinstance(application, OrderApplication)
    async with application.units.reading() as uow:
        assert await uow.payments.unhandled_events(9) == []
