"""Money that goes back, and money that banks take back."""

from __future__ import annotations

from tests.unit.payment_simulator.shop import Shop


async def test_a_charge_is_refunded_in_parts_up_to_what_was_taken(shop: Shop) -> None:
    intent = await shop.pay()
    first = await shop.post("refunds", {"payment_intent": intent["id"], "amount": "400"})
    assert (first["status"], first["amount"]) == ("succeeded", 400)
    error = (await shop.post("refunds", {"payment_intent": intent["id"], "amount": "601"}, status=400))["error"]
    assert "greater than unrefunded amount" in error["message"]
    assert (await shop.post("refunds", {"payment_intent": intent["id"]}))["amount"] == 600
    error = (await shop.post("refunds", {"payment_intent": intent["id"]}, status=400))["error"]
    assert error["code"] == "charge_already_refunded"
    listed = await shop.get(f"refunds?payment_intent={intent['id']}")
    assert [one["amount"] for one in listed["data"]] == [600, 400]


async def test_a_hold_and_a_decline_have_nothing_to_refund(shop: Shop) -> None:
    hold = await shop.hold()
    await shop.post("refunds", {"payment_intent": hold["id"]}, status=400)
    declined = (await shop.pay("pm_card_chargeDeclined", 402))["error"]["payment_intent"]["id"]
    await shop.post("refunds", {"payment_intent": declined}, status=400)


async def test_a_refund_pends_and_succeeds(shop: Shop) -> None:
    intent = await shop.pay("pm_card_pendingRefund")
    refund = await shop.post("refunds", {"payment_intent": intent["id"]})
    assert refund["status"] == "pending"
    await shop.act("clock", skip_seconds=31)
    assert (await shop.get(f"refunds/{refund['id']}"))["status"] == "succeeded"
    assert "refund.updated" in await shop.told()


async def test_a_refund_that_succeeded_fails_later_and_the_money_can_be_refunded_again(shop: Shop) -> None:
    intent = await shop.pay("pm_card_refundFail")
    refund = await shop.post("refunds", {"payment_intent": intent["id"]})
    assert refund["status"] == "succeeded"
    await shop.act("clock", skip_seconds=61)
    failed = await shop.get(f"refunds/{refund['id']}")
    assert (failed["status"], failed["failure_reason"]) == ("failed", "expired_or_canceled_card")
    assert "refund.failed" in await shop.told()
    assert (await shop.post("refunds", {"payment_intent": intent["id"]}))["amount"] == 1000


async def test_a_disputed_charge_is_not_refunded(shop: Shop) -> None:
    intent = await shop.pay("pm_card_createDispute")
    told = await shop.get("events?type=charge.dispute.created")
    [dispute] = [event["data"]["object"] for event in told["data"]]
    assert (dispute["payment_intent"], dispute["status"]) == (intent["id"], "needs_response")
    error = (await shop.post("refunds", {"payment_intent": intent["id"]}, status=400))["error"]
    assert error["code"] == "charge_disputed"
    await shop.act(f"disputes/{dispute['id']}/close", won=True)
    assert (await shop.get(f"disputes/{dispute['id']}"))["status"] == "won"
    await shop.act(f"disputes/{dispute['id']}/close", won=False, status=400)
    assert (await shop.post("refunds", {"payment_intent": intent["id"]}))["status"] == "succeeded"


async def test_any_charge_can_be_disputed_once(shop: Shop) -> None:
    intent = await shop.pay()
    dispute = await shop.act(f"payment_intents/{intent['id']}/dispute", amount=300)
    assert dispute["amount"] == 300
    await shop.act(f"payment_intents/{intent['id']}/dispute", status=400)
