"""The use cases of orders and payments on stores in memory, with a provider behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

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
from order_service.application.payments.ports import PaymentProvider, StoredPayment
from order_service.application.place_orders import place_orders
from order_service.application.queries import Visibility
from order_service.domain.errors import Refusal
from order_service.domain.order import Order
from order_service.domain.payments.payment import Payment
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
        self.providers: dict[str, PaymentProvider] = {"bank": self.provider}
        self.neighbours = neighbours_at(self.clock)

    async def place(
        self,
        quantity: int,
        charge_at: ChargeAt,
        *,
        fees: int = 0,
        percent: int = 0,
        method: str = "card-1",
        answered: bool = True,
    ) -> None:
        """Order so many lamps, to be paid by a card at the bank; ``answered``: allocation lets them wait at once."""
        async with self.units.begin() as uow:
            await uow.skus.save_policies([self.neighbours.sku_policy("lamp")])
            await uow.commit()
        command = place_command("o1", ("lamp", quantity), payment_provider="bank", charge_at=charge_at.value)
        terms = PaymentTerms("EUR", charge_at, percent, fees=(Fee("shipping", fees),) if fees else ())
        payment = Payment("p1", "o1", "bank", terms, method, self.clock.now())
        for line in command.lines:
            line.unit_price, line.charged = PRICE, 0
        from dataclasses import replace  # noqa: PLC0415

        async with self.units.begin() as uow:
            [result] = await place_orders(uow, [replace(command, payment=payment)])
            assert isinstance(result, Accepted)
            await uow.commit()
        if answered:
            await self.allocate(0, waiting=quantity)

    async def allocate(self, units: int, waiting: int = 0, declined: int = 0) -> None:
        """Allocation reports so many units at A."""
        state = next(e.payload for e in reversed(self.units.outbox) if isinstance(e.payload, OrderState))
        event = self.neighbours.answer(state, LineAnswer(allocated=units, waiting=waiting, declined=declined))
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
        while await advance_payments(self.units, self.providers):
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
