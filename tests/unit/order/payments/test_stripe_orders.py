"""Orders are paid by Stripe: the real use cases, the real adapter, and the simulator with its webhooks."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from tests.unit.order.payments.paid_shop import PaidShop
from tests.unit.order.payments.stripe_shop import StripeShop, open_stripe_shop

from order_service.application.payments.advance_payments import advance_payments
from order_service.application.payments.errors import ForgedEvent
from order_service.application.payments.handle_provider_events import handle_provider_events, record_provider_event
from order_service.application.payments.reconcile_payments import reconcile_payments
from order_service.domain.payments.attempts import AttemptKind, AttemptState, HoldEnd
from order_service.domain.payments.summary import PaymentState
from order_service.domain.payments.terms import ChargeAt
from service_kit.testing import FakeClock

SEED = 11


@dataclass
class StripeOrders:
    """A shop that is paid by Stripe. Time passes at both; webhooks come twice and in any order."""

    shop: PaidShop
    stripe: StripeShop
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    told: int = 0

    async def order(self, card: str, quantity: int, charge_at: ChargeAt) -> None:
        """An order with a card that was set up."""
        await self.stripe.set_up(card)
        await self.shop.place(quantity, charge_at, method=self.stripe.payment.method)
        await self.work()

    async def work(self, **after: float) -> None:
        """Let time pass, hear what the provider tells, and do what is due until nothing is."""
        passed = timedelta(**after)
        self.shop.clock.advance(passed)
        await self.stripe.skip(passed.total_seconds())
        while True:
            done = await advance_payments(self.shop.units, self.shop.providers)
            await self.hear()
            done += await handle_provider_events(self.shop.units, self.shop.providers)
            if not done:
                return

    async def hear(self) -> None:
        """Take all webhooks so far, each twice, shuffled; they are signed by the clock of this machine."""
        requests = await self.stripe.webhooks() * 2
        self.chance.shuffle(requests)
        now = self.shop.clock.now()
        self.shop.clock.set(datetime.now(UTC))
        for request in requests:
            self.told += await self.hear_one(request.headers, request.content)
        self.shop.clock.set(now)

    async def hear_one(self, headers: Mapping[str, str], body: bytes) -> bool:
        """A webhook arrives; whether it is a new one."""
        async with self.shop.units.begin() as uow:
            new = await record_provider_event(uow, self.shop.providers, "stripe", headers, body)
            await uow.commit()
        return new

    def kinds(self) -> list[tuple[str, str]]:
        """The attempts of the payment: kind and state."""
        return [(one.kind.value, one.state.value) for one in self.shop.stored.payment.attempts]


@pytest_asyncio.fixture(loop_scope="session")
async def orders() -> AsyncIterator[StripeOrders]:
    async with open_stripe_shop() as stripe:
        shop = PaidShop(FakeClock(datetime.now(UTC)))
        shop.providers = {"bank": stripe.provider, "stripe": stripe.provider}
        yield StripeOrders(shop, stripe)


async def test_an_order_is_charged_and_its_cancellation_refunded(orders: StripeOrders) -> None:
    await orders.order("pm_card_visa", 3, ChargeAt.ORDER)
    assert (orders.shop.stored.payment.captured, orders.shop.stored.summary.state) == (3000, PaymentState.PAID)
    await orders.shop.cancel(2)
    await orders.work()
    assert orders.shop.stored.payment.net == 1000
    assert orders.kinds() == [("charge", "succeeded"), ("refund", "succeeded")]
    [charge] = orders.stripe.bank.store.newest("charge")
    assert charge["amount_captured"] - charge["amount_refunded"] == 1000
    assert orders.told > 0
    assert await reconcile_payments(orders.shop.units, orders.shop.providers) == 0


async def test_a_hold_is_captured_in_part_when_a_part_ships_and_the_rest_is_held_anew(orders: StripeOrders) -> None:
    await orders.order("pm_card_visa", 3, ChargeAt.SHIPMENT)
    await orders.shop.allocate(3)
    await orders.work(minutes=2)
    assert orders.shop.stored.summary.state is PaymentState.HELD
    await orders.shop.ship(1)
    await orders.work()
    assert (orders.shop.stored.payment.captured, orders.shop.stored.summary.held) == (1000, 2000)
    held = [one for one in orders.stripe.bank.store.newest("payment_intent") if one["status"] == "requires_capture"]
    assert [one["amount"] for one in held] == [2000]
    assert await reconcile_payments(orders.shop.units, orders.shop.providers) == 0


async def test_a_hold_is_renewed_before_the_bank_ends_it(orders: StripeOrders) -> None:
    await orders.order("pm_card_visa", 1, ChargeAt.SHIPMENT)
    await orders.shop.allocate(1)
    await orders.work(minutes=2)
    for _ in range(6):
        await orders.work(days=2)
        assert orders.shop.stored.payment.held(orders.shop.clock.now()) == 1000
    holds = [one for one in orders.shop.stored.payment.attempts if one.kind is AttemptKind.HOLD]
    assert {one.hold_end for one in holds[:-1]} == {HoldEnd.VOIDED}
    assert len(holds) > 2
    held = [one for one in orders.stripe.bank.store.newest("payment_intent") if one["status"] == "requires_capture"]
    assert len(held) == 1


async def test_a_customer_who_authenticates_has_paid(orders: StripeOrders) -> None:
    await orders.order("pm_card_authenticationRequired", 1, ChargeAt.ORDER)
    assert orders.shop.stored.summary.state is PaymentState.ACTION_REQUIRED
    [attempt] = orders.shop.stored.payment.attempts
    assert attempt.action_url is not None
    await orders.stripe.browser.post(attempt.action_url, data={"outcome": "succeed"})
    await orders.work()
    assert (orders.shop.stored.payment.net, orders.shop.stored.summary.state) == (1000, PaymentState.PAID)


async def test_a_declined_card_is_replaced_and_pays(orders: StripeOrders) -> None:
    await orders.order("pm_card_chargeDeclinedInsufficientFunds", 1, ChargeAt.ORDER)
    assert orders.shop.stored.summary.state is PaymentState.DECLINED
    assert orders.shop.stored.payment.attempts[0].reason == "insufficient_funds"
    await orders.stripe.set_up("pm_card_mastercard")
    orders.shop.stored.payment.replace_method(orders.stripe.payment.method)
    orders.shop.stored.look_at = orders.shop.clock.now()
    await orders.work()
    assert orders.kinds() == [("charge", "failed"), ("charge", "succeeded")]


async def test_a_refund_that_comes_back_is_tried_again_and_then_made_by_hand(orders: StripeOrders) -> None:
    await orders.order("pm_card_refundFail", 1, ChargeAt.ORDER)
    await orders.shop.cancel(1)
    for _ in range(4):
        await orders.work(minutes=2)
    assert orders.shop.stored.summary.state is PaymentState.MANUAL_REFUND
    refunds = [one.state for one in orders.shop.stored.payment.attempts if one.kind is AttemptKind.REFUND]
    assert refunds == [AttemptState.FAILED] * 3
    assert orders.shop.stored.payment.net == 1000


async def test_a_disputed_amount_is_not_refunded_until_it_is_won(orders: StripeOrders) -> None:
    await orders.order("pm_card_createDispute", 1, ChargeAt.ORDER)
    assert orders.shop.stored.summary.state is PaymentState.DISPUTED
    await orders.shop.cancel(1)
    await orders.work()
    assert orders.stripe.count("refund") == 0
    [dispute] = orders.stripe.bank.store.newest("dispute")
    await orders.stripe.act(f"disputes/{dispute['id']}/close", won=True)
    await orders.work()
    assert (orders.shop.stored.payment.disputed, orders.shop.stored.payment.net) == (0, 0)
    assert orders.kinds() == [("charge", "succeeded"), ("refund", "succeeded")]


async def test_whatever_is_lost_money_is_taken_once(orders: StripeOrders) -> None:
    await orders.stripe.set_up()
    await orders.shop.place(2, ChargeAt.ORDER, method=orders.stripe.payment.method)
    for fault in ("lost_request", "too_many_requests", "lost_response", "key_in_use", "lost_response"):
        await orders.stripe.act("faults", next=[fault])
        await orders.work(minutes=31)
    await orders.work(minutes=31)
    assert (orders.shop.stored.payment.net, orders.shop.stored.summary.state) == (2000, PaymentState.PAID)
    assert sum(one["amount_received"] for one in orders.stripe.bank.store.newest("payment_intent")) == 2000


async def test_a_charge_whose_response_was_lost_is_found_when_its_key_is_forgotten(orders: StripeOrders) -> None:
    await orders.stripe.set_up()
    await orders.shop.place(2, ChargeAt.ORDER, method=orders.stripe.payment.method)
    await orders.stripe.act("faults", next=["lost_response"])
    await orders.work()
    assert orders.kinds() == [("charge", "unknown")]
    await orders.work(days=2)
    assert orders.kinds() == [("charge", "succeeded")]
    assert orders.stripe.count("payment_intent") == 1


async def test_an_event_that_was_not_signed_is_refused(orders: StripeOrders) -> None:
    await orders.stripe.set_up()
    [request, *_] = await orders.stripe.webhooks()
    with pytest.raises(ForgedEvent):
        await orders.hear_one({"Stripe-Signature": "t=1,v1=00"}, request.content)
    assert orders.shop.units.state.payments.events == {}
