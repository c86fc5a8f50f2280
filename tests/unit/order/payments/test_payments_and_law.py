"""Where money and the law of late orders meet: when an order is complete, and by when money has to be back."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from tests.scenario import LineAnswer
from tests.unit.order.conftest import OpenShop
from tests.unit.order.payments.test_payment_requests import payment_of, placed, report, work
from tests.unit.order.shop import InMemoryShop

from event_contracts import PaymentStatus
from order_service.bootstrap import OrderApplication
from order_service.entrypoints.background.judge_due_orders import OrderJudge

ZONE = "America/New_York"


async def judge(shop: InMemoryShop) -> None:
    application = shop.service.api.application
    assert isinstance(application, OrderApplication)
    await OrderJudge(application).once()


async def test_a_payment_that_is_honoured_later_restarts_the_thirty_days_of_the_law(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop, jurisdiction="US", time_zone=ZONE)
    await shop.apply(shop.answer(order, LineAnswer(waiting=2)))
    await judge(shop)
    await report(shop, await work(shop), "failed", reason="insufficient_funds")
    shop.clock.advance(timedelta(hours=30))
    assert (await report(shop, await work(shop))).json()["state"] == "paid"
    await judge(shop)
    found = (await shop.client.get(f"/v1/orders/{order['order_id']}/promises")).json()
    told = [(one["basis"], one["date"], one["cause"]) for one in found["records"]]
    assert told == [("statutory", "2026-02-04", "OrderPlaced"), ("statutory", "2026-02-05", "OrderCompleted")]
    assert found["verdicts"][0]["limit"] == "2026-02-05"


async def test_a_refund_by_hand_is_due_no_later_than_the_law_said(open_shop: OpenShop):
    shop = await open_shop()
    order = await placed(shop, jurisdiction="US", time_zone=ZONE, promise=date(2026, 1, 20))
    await report(shop, await work(shop))
    await judge(shop)
    await shop.apply(shop.answer(order, LineAnswer(waiting=2, promise=date(2026, 1, 27))))
    await judge(shop)
    # The right vests on the 20th, and the units are cancelled in the first minutes of the 21st.
    shop.clock.advance(datetime.fromisoformat("2026-01-21T05:06:00Z") - shop.clock.now())
    await judge(shop)
    asked: PaymentStatus | None = await work(shop)
    for _ in range(3):
        await report(shop, asked, "failed", reason="account_closed")
        asked = await work(shop)
    by_hand = await payment_of(shop, order)
    [right] = (await shop.client.get(f"/v1/orders/{order['order_id']}/promises")).json()["refunds"]
    assert (by_hand["state"], by_hand["refund_due_by"]) == ("manual_refund", right["refund_due_by"])
