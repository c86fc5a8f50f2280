"""What customers do with their orders, their money and late dates, and what their bank, the law and time do."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from tests.integration.protocol.callers import SKUS, Callers
from tests.unit.order.payments.bank_provider import BankProvider

from event_contracts import DelayOffer, NotificationOutcome, Topic, new_event
from event_contracts.sources import NOTIFICATION_SOURCE
from order_service.application.payments.advance_payments import advance_payments
from order_service.application.payments.handle_provider_events import handle_provider_events
from order_service.bootstrap import OrderApplication
from order_service.domain.payments.attempts import Attempt, AttemptKind, Outcome
from order_service.domain.payments.payment import Payment
from order_service.entrypoints.background.judge_due_orders import OrderJudge

CARDS = ("ok", "declined", "sca", "slow")
LAWS = (("US", "America/New_York"), ("US", "Pacific/Honolulu"), ("EU", "Europe/Berlin"), ("UK", None), (None, None))
FATES = ("ok", "lost_request", "lost_response", "dies_before", "dies_after", "meanwhile")
_BOOKS = text("SELECT coalesce(sum(captured - refunded), 0) AS net, coalesce(sum(held), 0) AS held FROM payment")
_OUTSIDE = text("SELECT coalesce(sum(amount), 0) FROM payment_attempt WHERE outside AND state = 'succeeded'")
_TO_TRANSFER = text("SELECT payment_id, refund_due FROM payment WHERE state = 'manual_refund' AND refund_due > 0")
_CANCELLED = text("SELECT cause, count(*) AS count FROM refund_right GROUP BY cause")


class WorkerKilled(Exception):
    """The worker that called the provider ends here, and records nothing of what it was told."""


@dataclass
class CardBank(BankProvider):
    """A bank whose cards say by their names what they do.

    ``fates`` may also be: the worker dies before its call, or after it; or something else happens ``meanwhile``.
    """

    meanwhile: Callable[[], Awaitable[object]] | None = None
    calls: Counter[str] = field(default_factory=Counter)

    async def submit(self, payment: Payment, attempt: Attempt) -> Outcome:
        """See PaymentProvider."""
        if attempt.kind in (AttemptKind.CHARGE, AttemptKind.HOLD):
            assert attempt.method is not None
            self.bank.card = attempt.method.rsplit("-", 1)[-1]
        fate = self.fates[0] if self.fates else "ok"
        self.calls[fate] += 1
        if fate in ("ok", "lost_request", "lost_response"):
            outcome = await super().submit(payment, attempt)
        else:
            self.fates.pop(0)
            if fate == "dies_before":
                raise WorkerKilled
            outcome = await super().submit(payment, attempt)
            if fate == "dies_after":
                raise WorkerKilled
            if self.meanwhile is not None:
                self.fates, kept = [], self.fates
                await self.meanwhile()
                self.fates = kept
        self.calls[f"{attempt.kind.value} {outcome.state.value}"] += 1
        return outcome


@dataclass(kw_only=True)
class Customers(Callers):
    """Customers who pay and are protected by a law; ``order_service`` is the application that they deal with."""

    order_service: OrderApplication
    bank: CardBank
    topics: Any = None
    told: set[str] = field(default_factory=set)
    paid: list[str] = field(default_factory=list)
    provider_events: int = 0

    async def place_paid(self) -> None:
        """An order under some law or none, with or without stated dates, paid for in one of the ways that there are."""
        random = self.random
        law, zone = random.choice(LAWS)
        charge_at = random.choice(("order", "allocation", "shipment", "deposit"))
        lines = [
            {
                "sku": random.choice(SKUS),
                "quantity": random.randint(1, 4),
                "unit_price": {"amount": random.choice((333, 1000)), "currency": "EUR"},
                **({"quoted_date": self._day(random.randint(1, 25))} if random.random() < 0.6 else {}),
            }
            for _ in range(random.choice((1, 1, 2)))
        ]
        terms = {"kept_if_customer_cancels": law == "US" and random.random() < 0.5}
        body = {
            "reference": self.name("order"),
            "jurisdiction": law,
            "time_zone": zone,
            "time_essential": random.random() < 0.1,
            "charge_at": charge_at,
            "payment": {"provider": "bank", "token": self._card(("ok", "ok", *CARDS))},
            "lines": lines,
            **({"deposit_percent": 30, "deposit_terms": terms} if charge_at == "deposit" else {}),
            **({"fees": [{"name": "shipping", "amount": 490}]} if random.random() < 0.5 else {}),
            **({"latest_acceptable_date": self._day(random.randint(10, 50))} if random.random() < 0.1 else {}),
        }
        self.later(minutes=random.randint(1, 90))
        placed = (await self.call("order", "POST", "/v1/orders", body)).json()
        self.orders.append(placed["order_id"])
        self.paid.append(placed["order_id"])

    def _day(self, days: int) -> str:
        return (self.now + timedelta(days=days)).date().isoformat()

    def _card(self, kinds: tuple[str, ...]) -> str:
        return f"{self.name('card')}-{self.random.choice(kinds)}"

    async def pass_days(self) -> None:
        """Nobody does anything for some time: dates and deadlines pass."""
        self.log.append(f"it is {self.later(days=self.random.choice((1, 2, 5, 12))):%m-%d %H:%M}")

    # The law -----------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """The loop of the law looks at what is due."""
        self.log.append(f"sweep {await OrderJudge(self.order_service).once()}")

    def _offers(self) -> list[DelayOffer]:
        """The offers that the topic knows of, as they were made."""
        records = (event.payload for event in self.topics.records(Topic.ORDERS.value))
        offers = [one for one in records if isinstance(one, DelayOffer) and one.version == 1]
        return sorted(offers, key=lambda one: (one.made_at, self.orders.index(one.order_id), one.number))

    async def notify(self) -> None:
        """Notification sends the notices of some offers, one perhaps twice; others it sends late or never."""
        for offer in self._offers():
            if self.random.random() < (0.05 if offer.offer_id in self.told else 0.6):
                self.told.add(offer.offer_id)
                self.topics.publish(self._sent(offer))
                self.log.append(f"told of offer {offer.number} of {offer.order_id}")

    def _sent(self, offer: DelayOffer) -> Any:
        outcome = NotificationOutcome(
            notification_id=self.name("notification"),
            order_id=offer.order_id,
            template="delay_notice",
            channel="email",
            attempts=1,
            occurred_at=self.now,
            offer_ids=(offer.offer_id,),
            content_hash=hashlib.sha256(str(offer.number).encode()).hexdigest(),
        )
        return new_event("NotificationSent", outcome, source=NOTIFICATION_SOURCE, sequence=1, now=self.now)

    async def answer_offer(self) -> None:
        """A customer waits, cancels or grants some time; answers that come late or twice change nothing."""
        offers = self._offers()
        if not offers:
            return
        offer = self.random.choice([one for one in offers if one.offer_id in self.told][-6:] or offers)
        choice = self.random.choices(("wait", "cancel", "grant_until"), (5, 2, 3))[0]
        body = {"answer": choice, **({"until": self._day(self.random.randint(5, 60))} if "until" in choice else {})}
        path = f"/v1/orders/{offer.order_id}/offers/{offer.offer_id}/answer"
        for _ in range(self.random.choice((1, 1, 2))):
            await self.call("order", "POST", path, body, allow=(409, 422))

    # Money --------------------------------------------------------------------------------------

    async def pay(self) -> None:
        """A worker does what is due; calls are lost, workers die, and the world does not wait for the bank."""
        self.later(minutes=self.random.choice((0, 1, 2, 60)))
        self.bank.fates = self.random.choices(FATES, (6, 1, 1, 1, 1, 2), k=4)
        self.bank.meanwhile = self.random.choice((self._other_worker, self.cancel, self.sweep, self.ship))
        looked_at = await advance_payments(self.order_service.units, self.order_service.providers)
        self.log.append(f"payments: {looked_at}")
        self.bank.fates = []

    async def _other_worker(self) -> None:
        await advance_payments(self.order_service.units, self.order_service.providers)

    async def be_told_by_bank(self) -> None:
        """The bank tells that something has changed, repeatedly and in no order; nothing of it is true by itself."""
        bank = self.bank.bank
        for reference in [*bank.intents, *bank.refunds]:
            if self.random.random() < 0.3:
                self.provider_events += self.random.randint(0, 1)
                response = await self.clients["order"].post(
                    "/v1/provider-events/bank",
                    content=f"e{self.provider_events} payment.changed {reference}".encode(),
                    headers={"signature": "signed"},
                )
                assert response.status_code < 300, response.text
        handled = await handle_provider_events(self.order_service.units, self.order_service.providers)
        self.log.append(f"events of the bank: {handled}")

    async def forge(self) -> None:
        """Somebody else says that a payment has succeeded."""
        response = await self.clients["order"].post("/v1/provider-events/bank", content=b"e0 payment.changed p1")
        assert response.status_code == 400, response.text

    async def bank_moves(self) -> None:
        """What is under way at the bank ends, customers authenticate or fail to, refunds become slow or fail."""
        bank = self.bank.bank
        bank.advance(self.now)
        bank.refunds_are = self.random.choice(("ok", "ok", "ok", "slow", "fail"))
        for one in bank.pending():
            if self.random.random() < 0.6:
                bank.finish(one, well=self.random.random() < 0.7)
        for intent in bank.waiting_for_customer():
            if self.random.random() < 0.6:
                bank.authenticate(intent, well=self.random.random() < 0.6)
        self.log.append(f"bank: refunds are {bank.refunds_are}")

    async def _some_payment(self) -> dict[str, Any] | None:
        if not self.paid:
            return None
        payment: dict[str, Any] = (
            await self.call("order", "GET", f"/v1/orders/{self.random.choice(self.paid)}/payment")
        ).json()
        return payment

    async def another_card(self) -> None:
        """A customer gives another card, most often after a decline."""
        payment = await self._some_payment()
        if payment is not None:
            body = {"token": self._card(("ok", "ok", *CARDS))}
            await self.call("order", "PUT", f"/v1/payments/{payment['payment_id']}/method", body)

    async def goodwill(self) -> None:
        """The merchant gives something back; more than was taken is refused."""
        payment = await self._some_payment()
        if payment is not None:
            body = {"amount": self.random.randint(1, 400)}
            await self.call("order", "POST", f"/v1/payments/{payment['payment_id']}/refunds", body)

    async def open_to_customers(self) -> None:
        """A first round, so that there are offers to answer and payments to follow whatever comes then."""
        await self.receive()
        for act in (*[self.place_paid] * 6, self.catch_up, self.receive, self.receive, self.catch_up):
            await act()
        for _ in range(2):
            for act in (
                self.sweep,
                self.catch_up,
                self.notify,
                self.pay,
                self.answer_offer,
                self.answer_offer,
                self.ship,
            ):
                await act()
            await self.pass_days()

    def customer_acts(self) -> list[tuple[Callable[[], Awaitable[None]], int]]:
        """The acts of customers, the bank and the law, each with how often it comes up."""
        return [
            (self.place_paid, 28),
            (self.pass_days, 9),
            (self.sweep, 22),
            (self.notify, 18),
            (self.answer_offer, 18),
            (self.pay, 36),
            (self.be_told_by_bank, 8),
            (self.forge, 1),
            (self.bank_moves, 10),
            (self.another_card, 8),
            (self.goodwill, 3),
        ]

    # The end ------------------------------------------------------------------------------------

    async def catch_up(self) -> None:
        """For a moment all is quick; see World."""
        raise NotImplementedError

    async def settle(self) -> None:
        """Everything that was said is delivered; see World."""
        raise NotImplementedError

    async def come_to_rest(self) -> None:
        """Everybody does their duty for five days, and then nobody answers for so long that every deadline is over."""
        await self._days_of_duty()
        self._wait_until(datetime.now(UTC) - timedelta(days=7))
        await self._days_of_duty()
        self._wait_until(datetime.now(UTC))
        await self._quiet()

    async def _days_of_duty(self) -> None:
        for _ in range(5):
            await self._quiet()
            self.later(hours=25)

    def _wait_until(self, moment: datetime) -> None:
        """What is asked of the databases whether it is overdue is asked by today's date."""
        self.clock.set(max(self.clock.now(), moment))

    async def _quiet(self) -> None:
        bank = self.bank.bank
        bank.refunds_are = "ok"
        for _ in range(60):
            bank.advance(self.now)
            for one in bank.pending():
                bank.finish(one, well=True)
            for intent in bank.waiting_for_customer():
                bank.authenticate(intent, well=True)
            await self.settle()
            await self._pay_outside()
            moved = await OrderJudge(self.order_service).once()
            moved += await advance_payments(self.order_service.units, self.order_service.providers)
            if moved == 0:
                return
        raise AssertionError("deadlines and payments never come to rest")

    async def _pay_outside(self) -> None:
        """The merchant transfers what the bank has refused to give back three times."""
        async with self.order_service.database.transaction() as conn:
            refused = (await conn.execute(_TO_TRANSFER)).all()
        for row in refused:
            body = {"amount": row.refund_due, "paid_outside": True}
            await self.call("order", "POST", f"/v1/payments/{row.payment_id}/refunds", body, allow=())

    async def money_faults(self) -> list[str]:
        """Where the order service's books and the bank's differ, and what no correct client asks a bank for."""
        bank = self.bank.bank
        bank.advance(self.now)
        async with self.order_service.database.transaction() as conn:
            books = (await conn.execute(_BOOKS)).one()
            outside = (await conn.execute(_OUTSIDE)).scalar_one()
        found = [f"asked of the bank: {one}" for one in bank.wrongs]
        if (books.net + outside, books.held) != (bank.net, bank.held):
            found.append(f"books {books.net} taken, {books.held} held; bank {bank.net} and {bank.held}")
        return found

    async def what_happened(self) -> Counter[str]:
        """How often the bank said what, which events about orders were sent, and why units were cancelled."""
        seen = self.bank.calls + Counter(event.name for event in self.topics.records(Topic.ORDERS.value))
        seen.update(f"{line.split()[-1]} to an answer" for line in self.log if "/answer " in line)
        async with self.order_service.database.transaction() as conn:
            return seen + Counter({f"cancelled: {row.cause}": row.count for row in await conn.execute(_CANCELLED)})
