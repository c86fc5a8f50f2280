"""The worker takes, holds and gives back what is due, on the real use cases and stores in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.in_memory_stores import InMemoryOrderUnits, in_memory_units
from tests.unit.order.payments.bank_provider import BankProvider
from tests.unit.order.payments.model_bank import Bank
from tests.unit.order.scenarios import NOW, neighbours_at, place_command, shipment

from event_contracts import OrderState, PaymentStatus
from order_service.adapters.polling_order_watch import PollingOrderWatch
from order_service.application.apply_allocations import apply_allocations
from order_service.application.change_orders import change_orders
from order_service.application.commands import Accepted, CancelOrder, ChangeOrder, ShipOrder
from order_service.application.payments.advance_payments import advance_payments
from order_service.application.payments.ports import StoredPayment
from order_service.application.place_orders import place_orders
from order_service.application.queries import Visibility
from order_service.domain.errors import IllegalMove, Refusal
from order_service.domain.order import Order
from order_service.domain.payments.attempts import AttemptKind, AttemptState
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.summary import PaymentState
from order_service.domain.payments.terms import ChargeAt, Fee, PaymentTerms
from service_kit.runtime.business_clock import BusinessClock
from service_kit.testing import FakeClock

PRICE = 1000


@dataclass
class PaidShop:
    """The order service's use cases with a bank behind them."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))

    def __post_init__(self) -> None:
        self.units: InMemoryOrderUnits = in_memory_units(self.clock)
        self.bank = Bank(self.clock.now())
        self.provider = BankProvider(self.bank, self.clock)
        self.neighbours = neighbours_at(self.clock)

    async def place(self, quantity: int, charge_at: ChargeAt, *, fees: int = 0, percent: int = 0) -> None:
        """Order so many lamps, to be paid by a card at the bank."""
        async with self.units.begin() as uow:
            await uow.skus.save_policies([self.neighbours.sku_policy("lamp")])
            await uow.commit()
        command = place_command("o1", ("lamp", quantity), payment_provider="bank", charge_at=charge_at.value)
        terms = PaymentTerms("EUR", charge_at, percent, fees=(Fee("shipping", fees),) if fees else ())
        payment = Payment("p1", "o1", "bank", terms, "card-1", self.clock.now())
        for line in command.lines:
            line.unit_price, line.charged = PRICE, 0
        from dataclasses import replace  # noqa: PLC0415

        async with self.units.begin() as uow:
            [result] = await place_orders(uow, [replace(command, payment=payment)])
            assert isinstance(result, Accepted)
            await uow.commit()

    async def allocate(self, units: int, waiting: int = 0) -> None:
        """Allocation reports so many units at A."""
        state = next(e.payload for e in reversed(self.units.outbox) if isinstance(e.payload, OrderState))
        event = self.neighbours.answer(state, LineAnswer(allocated=units, waiting=waiting))
        async with self.units.begin() as uow:
            watch, clock = PollingOrderWatch(self.units), BusinessClock(self.clock)
            await apply_allocations(uow, [event], business_clock=clock, watch=watch)
            await uow.commit()

    async def change(self, command: ChangeOrder) -> Accepted | Refusal:
        """Change the order."""
        async with self.units.begin() as uow:
            [result] = await change_orders(uow, [command])
            await uow.commit()
        return result

    async def ship(self, units: int, **more: Any) -> Accepted | Refusal:
        """The warehouse reports units as having left A."""
        gone = shipment(f"s{self.clock.now().timestamp()}", ("o1-0", units), shipped_at=self.clock.now())
        return await self.change(ShipOrder(order_id="o1", at=self.clock.now(), shipment=gone, **more))

    async def cancel(self, units: int, **more: Any) -> None:
        """Cancel units of the line."""
        command = CancelOrder(order_id="o1", at=self.clock.now(), parts={"o1-0": units}, **more)
        assert isinstance(await self.change(command), Accepted)

    async def work(self, *fates: str, **after: float) -> None:
        """Let time pass, and the worker do what is due."""
        self.clock.advance(timedelta(**after))
        self.provider.fates = list(fates)
        while await advance_payments(self.units, {"bank": self.provider}):
            pass

    @property
    def stored(self) -> StoredPayment:
        """The payment as it is stored."""
        return self.units.state.payments.payments["p1"]

    @property
    def order(self) -> Order:
        """The order as it is stored."""
        return self.units.state.orders["o1"].order

    @property
    def states(self) -> list[str]:
        """The states that were published of the payment, in order."""
        return [event.payload.state for event in self.units.outbox if isinstance(event.payload, PaymentStatus)]

    async def shown(self) -> int:
        """Units that the warehouse is shown."""
        async with self.units.reading() as uow:
            shown = await uow.queries.shippable_units("A", self.clock.now(), Visibility(), after="", limit=9)
        return sum(each.quantity for each in shown)


@pytest.fixture
def shop() -> PaidShop:
    return PaidShop()


async def test_an_order_is_charged_with_its_fees_as_soon_as_it_is_placed(shop: PaidShop):
    await shop.place(3, ChargeAt.ORDER, fees=490)
    await shop.work()
    assert (shop.bank.net, shop.stored.payment.captured) == (3490, 3490)
    assert shop.stored.summary.state is PaymentState.PAID
    assert shop.states[-1] == "paid"


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
