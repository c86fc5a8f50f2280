"""Notices that are reported after the customer has answered: they count from when they were sent, and are kept."""

from datetime import datetime, timedelta

from tests.unit.order.delay_steps import HASH, ZONE, DelaySteps, T, days
from tests.unit.order.shop import InMemoryShop

from order_service.application.promises.judge_orders import GRACE
from order_service.domain.promises.calendar import end_of_day

ENDS = end_of_day(T, ZONE)
delays = DelaySteps()


async def test_a_notice_in_time_that_is_told_after_the_answer_keeps_the_units(shop: InMemoryShop) -> None:
    order, offer = await delays.slipped(shop, T + days(60))
    sent = delays.sent(shop, order, offer)
    shop.clock.advance(ENDS + timedelta(minutes=1) - shop.clock.now())
    assert (await delays.reply(shop, offer, "wait")).json()["state"] == "consented"
    for _ in range(2):
        await shop.apply(sent)
    await delays.at(shop, ENDS + GRACE)
    assert (await shop.read(order))["state"] == "backordered"
    [after] = (await delays.record(shop, order))["offers"]
    assert (after["state"], after["content_hash"], after["notification_id"]) == ("consented", HASH, "n1")
    assert datetime.fromisoformat(after["sent_at"]) < ENDS - days(1)
    assert after["version"] == 3


async def test_a_merchants_notice_is_recorded_after_the_answer_too_and_once(shop: InMemoryShop) -> None:
    order, offer = await delays.slipped(shop, T + days(60))
    sent_at = shop.clock.now()
    shop.clock.advance(timedelta(minutes=1))
    await delays.reply(shop, offer, "wait")
    path = f"/v1/orders/{order['order_id']}/offers/{offer['offer_id']}/notice"
    body = {"sent_at": sent_at.isoformat(), "content_hash": HASH}
    for _ in range(2):
        recorded = await shop.client.post(path, json=body)
        assert (recorded.status_code, recorded.json()["state"]) == (200, "consented"), recorded.text
        assert datetime.fromisoformat(recorded.json()["sent_at"]) == sent_at
    other = await shop.client.post(path, json={**body, "content_hash": "0" * 64})
    assert (other.status_code, other.json()["code"]) == (409, "notice_recorded")


async def test_an_answer_proves_that_its_notice_was_sent_before_it(shop: InMemoryShop) -> None:
    order, offer = await delays.slipped(shop, T + days(60))
    answered = (await delays.reply(shop, offer, "wait")).json()["sent_at"]
    shop.clock.advance(timedelta(hours=1))
    await shop.apply(delays.sent(shop, order, offer))
    [after] = (await delays.record(shop, order))["offers"]
    assert (after["sent_at"], after["content_hash"]) == (answered, HASH)
