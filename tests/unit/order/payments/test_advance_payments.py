"""The worker takes, holds and gives back what is due, on the real use cases and stores in memory."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.order.payments.paid_shop import PaidShop

from event_contracts import OrderState, PaymentStatus
from order_service.application.commands import Accepted, AmendLine
from order_service.application.payments.advance_payments import LEASE
from order_service.domain.errors import IllegalMove
from order_service.domain.payments.attempts import AttemptKind, AttemptState
from order_service.domain.payments.summary import PaymentState
from order_service.domain.payments.terms import ChargeAt


@pytest.fixture
def shop() -> PaidShop:
    return PaidShop()


async def test_an_order_is_charged_with_its_fees_as_soon_as_it_is_decided(shop: PaidShop):
    await shop.place(3, ChargeAt.ORDER, fees=490)
    await shop.work()
    assert (shop.bank.net, shop.stored.payment.captured) == (3490, 3490)
    assert shop.stored.summary.state is PaymentState.PAID
    assert shop.states[-1] == "paid"


async def test_the_bank_is_not_asked_before_allocation_has_decided_and_never_for_what_is_declined(shop: PaidShop):
    await shop.place(3, ChargeAt.ORDER, fees=490, answered=False)
    shop.bank.card = "sca"
    await shop.work()
    assert (shop.bank.intents, shop.stored.summary.state) == ({}, PaymentState.NOT_DUE)
    shop.bank.card = "ok"
    await shop.allocate(1, waiting=1, declined=1)
    await shop.work()
    assert [(one.kind, one.amount) for one in shop.stored.payment.attempts] == [(AttemptKind.CHARGE, 2490)]
    assert (shop.bank.net, shop.stored.summary.state) == (2490, PaymentState.PAID)


async def test_an_authentication_is_asked_for_once_when_only_a_part_of_the_order_is_sold(shop: PaidShop):
    await shop.place(3, ChargeAt.ORDER, answered=False)
    shop.bank.card = "sca"
    await shop.work()
    await shop.allocate(1, declined=2)
    await shop.work()
    [intent] = shop.bank.waiting_for_customer()
    shop.bank.authenticate(intent, well=True)
    await shop.work(minutes=30)
    assert [(one.amount, one.state) for one in shop.stored.payment.attempts] == [(1000, AttemptState.SUCCEEDED)]


async def test_what_is_allocated_for_a_minute_is_charged_and_may_leave_from_then_on(shop: PaidShop):
    await shop.place(3, ChargeAt.ALLOCATION)
    await shop.allocate(2, waiting=1)
    await shop.work()
    assert (shop.bank.net, await shop.shown()) == (0, 0)
    await shop.work(seconds=60)
    assert (shop.bank.net, await shop.shown()) == (2000, 2)


async def test_what_is_allocated_is_held_and_taken_parcel_by_parcel(shop: PaidShop):
    await shop.place(3, ChargeAt.SHIPMENT)
    await shop.allocate(3)
    await shop.work()
    assert (shop.bank.held, shop.bank.net, await shop.shown()) == (3000, 0, 3)
    assert isinstance(await shop.ship(1), Accepted)
    await shop.work()
    assert (shop.bank.held, shop.bank.net, await shop.shown()) == (2000, 1000, 2)


async def test_what_is_not_paid_is_neither_shown_nor_shipped_unless_it_has_left_already(shop: PaidShop):
    await shop.place(2, ChargeAt.SHIPMENT)
    shop.bank.card = "declined"
    await shop.allocate(2)
    await shop.work()
    assert await shop.shown() == 0
    refused = await shop.ship(1)
    assert isinstance(refused, IllegalMove)
    assert refused.code == "unpaid"
    assert isinstance(await shop.ship(1, unpaid=True), Accepted)
    await shop.work()
    assert shop.stored.summary.state is PaymentState.OWED


async def test_what_a_stopped_worker_held_may_not_leave_once_the_hold_has_ended(shop: PaidShop):
    await shop.place(2, ChargeAt.SHIPMENT)
    await shop.allocate(2)
    await shop.work()
    shop.clock.advance(timedelta(days=5))
    assert await shop.shown() == 0


async def test_a_declined_card_leaves_48_hours_and_then_the_units_go_to_somebody_else(shop: PaidShop):
    await shop.place(3, ChargeAt.ALLOCATION)
    shop.bank.card = "declined"
    await shop.allocate(2, waiting=1)
    await shop.work()
    await shop.work(seconds=60)
    assert shop.stored.summary.state is PaymentState.DECLINED
    for _ in range(5):
        await shop.work(hours=9.5)
    assert shop.order.lines["o1-0"].cancelled == 0
    await shop.work(hours=1)
    assert shop.order.lines["o1-0"].cancelled == 3
    entry = [each.entry for each in shop.units.state.history if each.entry.event == "OrderCancelled"][-1]
    assert entry.detail["reason"] == "payment_failed"


def actions(shop: PaidShop) -> list[tuple[str, str] | None]:
    """What the customer was told to do, without repetitions: kind and attempt."""
    told = [event.payload.action for event in shop.units.outbox if isinstance(event.payload, PaymentStatus)]
    said = [None if one is None else (one.kind, one.attempt_id) for one in told]
    return [one for place, one in enumerate(said) if place == 0 or one != said[place - 1]]


async def test_the_customer_is_asked_for_another_card_once_however_often_the_bank_declines(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    shop.bank.card = "declined"
    for hours in (0, 4, 8, 12, 20):
        await shop.work(hours=hours)
    first, *_ = attempts = shop.stored.payment.attempts
    assert (len(attempts), shop.stored.summary.state) == (5, PaymentState.DECLINED)
    assert actions(shop)[-1] == ("replace_method", first.attempt_id)
    shop.bank.card = "ok"
    shop.stored.payment.replace_method("card-2")
    shop.stored.look_at = shop.clock.now()
    await shop.work()
    assert actions(shop)[-2:] == [("replace_method", first.attempt_id), None]


async def test_each_attempt_that_a_bank_wants_confirmed_is_an_action_with_its_link_and_its_end(shop: PaidShop):
    await shop.place(2, ChargeAt.ORDER)
    shop.bank.card = "sca"
    await shop.work()
    await shop.cancel(1)
    await shop.work()
    first, second = shop.stored.payment.attempts
    assert actions(shop)[-1] == ("authenticate", second.attempt_id)
    asked = [one for one in actions(shop) if one is not None]
    assert asked == [("authenticate", first.attempt_id), ("authenticate", second.attempt_id)]
    last = [event.payload for event in shop.units.outbox if isinstance(event.payload, PaymentStatus)][-1]
    assert last.action is not None
    assert (last.action.url, last.action.until) == (second.action_url, shop.stored.payment.grace_until)


async def test_another_card_is_asked_at_once(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    shop.bank.card = "declined"
    await shop.work()
    shop.bank.card = "ok"
    shop.stored.payment.replace_method("card-2")
    shop.stored.look_at = shop.clock.now()
    await shop.work()
    assert shop.stored.summary.state is PaymentState.PAID
    assert shop.stored.payment.grace_until is None


async def test_a_lost_response_is_neither_a_second_charge_nor_a_lost_one(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    await shop.work("lost_response", "lost_request", "ok")
    for _ in range(4):
        await shop.work(minutes=1)
    assert (shop.bank.net, shop.stored.payment.net) == (1000, 1000)
    assert len(shop.stored.payment.attempts) == 1


async def test_a_request_that_never_arrived_is_looked_up_after_a_day_and_made_anew(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    await shop.work("lost_request")
    await shop.work(hours=25)
    first, second = shop.stored.payment.attempts
    assert (first.state, first.reason) == (AttemptState.FAILED, "not_made")
    assert (second.state, shop.bank.net) == (AttemptState.SUCCEEDED, 1000)


async def test_a_refund_is_split_over_the_charges_it_came_by(shop: PaidShop):
    await shop.place(3, ChargeAt.ALLOCATION)
    for units in (1, 3):
        await shop.allocate(units, waiting=3 - units)
        await shop.work()
        await shop.work(seconds=61)
    await shop.cancel(3)
    await shop.work()
    refunds = [one.amount for one in shop.stored.payment.attempts if one.kind is AttemptKind.REFUND]
    assert sorted(refunds) == [1000, 2000]
    assert (shop.bank.net, shop.stored.summary.refund_due) == (0, 0)


async def test_a_deposit_goes_back_when_the_merchant_cancels(shop: PaidShop):
    await shop.place(3, ChargeAt.DEPOSIT, percent=33)
    await shop.work()
    assert shop.bank.net == 990
    await shop.cancel(3)
    await shop.work()
    assert shop.bank.net == 0


async def test_every_entry_has_its_counterpart(shop: PaidShop):
    await shop.place(2, ChargeAt.SHIPMENT)
    await shop.allocate(2)
    await shop.work()
    await shop.ship(2)
    await shop.work()
    entries = [posting for _, posting, _ in shop.units.state.payments.entries]
    assert entries
    assert sum(posting.amount for posting in entries) == 0


async def test_versions_of_a_payment_rise_with_every_event(shop: PaidShop):
    await shop.place(2, ChargeAt.ORDER)
    await shop.work()
    await shop.cancel(1)
    await shop.work()
    versions = [event.payload.version for event in shop.units.outbox if isinstance(event.payload, PaymentStatus)]
    assert len(versions) > 2
    assert versions == sorted(set(versions))


async def test_an_order_is_complete_with_the_payment_that_was_honoured(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    shop.bank.card = "declined"
    await shop.work()
    assert shop.order.completed_at is None
    shop.bank.card = "ok"
    await shop.work(hours=5)
    assert shop.order.completed_at == shop.clock.now()
    state = [event.payload for event in shop.units.outbox if isinstance(event.payload, OrderState)][-1]
    assert (state.completed_at, state.sequence) == (shop.clock.now(), 2)
    await shop.work(hours=5)
    assert shop.order.sequence == 2


async def test_an_order_whose_first_payment_is_honoured_is_complete_as_it_was_placed(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    await shop.work("lost_response")
    await shop.work(hours=25)
    assert (shop.stored.summary.state, shop.order.completed_at) == (PaymentState.PAID, None)


async def test_while_a_part_of_a_hold_is_taken_the_rest_of_it_covers_nothing(shop: PaidShop):
    """Found by the model: the rest of the hold is released with the capture, whose response was lost."""
    await shop.place(3, ChargeAt.SHIPMENT)
    await shop.allocate(3)
    await shop.work()
    await shop.ship(1)
    await shop.work("lost_response")
    assert (shop.bank.held, await shop.shown()) == (0, 0)


async def test_each_hold_is_worth_its_own_units_when_a_price_falls(shop: PaidShop):
    """Found by the model: a hold made at the higher price seemed to cover a part of another line's units."""
    await shop.place(3, ChargeAt.SHIPMENT)
    await shop.allocate(1, waiting=2)
    await shop.work()
    await shop.change(AmendLine(order_id="o1", at=shop.clock.now(), line_id="o1-0", unit_price=700))
    await shop.allocate(3)
    await shop.work()
    holds = [one for one in shop.stored.payment.attempts if one.holds_at(shop.clock.now())]
    assert [(one.amount, one.units["o1-0"]) for one in holds] == [(2100, 3)]


async def test_a_payment_that_cannot_be_advanced_is_left_alone_for_a_while(
    shop: PaidShop, monkeypatch: pytest.MonkeyPatch
):
    await shop.place(1, ChargeAt.ORDER)

    def defect(*_: object) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as broken:
        broken.setattr("order_service.domain.payments.next_step.next_step", defect)
        await shop.work()
    assert (shop.bank.net, shop.stored.look_at) == (0, shop.clock.now() + LEASE)
    await shop.work(seconds=91)
    assert shop.bank.net == 1000
