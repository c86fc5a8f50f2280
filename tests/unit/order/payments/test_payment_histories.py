"""Random histories on the real use cases: the books, the lines and the bank agree in the end, and nobody pays twice."""

from __future__ import annotations

import os
import random

import pytest
from tests.unit.order.payments.model_bank import BankRefund, Intent
from tests.unit.order.payments.paid_shop import PRICE, PaidShop

from order_service.application.payments.handle_provider_events import handle_provider_events, record_provider_event
from order_service.domain.payments.postings import Account
from order_service.domain.payments.terms import ChargeAt

HISTORIES = int(os.environ.get("BACKORDER_HISTORIES", "60"))
CHUNKS = 4
QUANTITY = 4

MOVES = ("allocate", "ship", "cancel", "work", "work", "card", "finish", "authenticate", "refunds", "tell", "wait")


class History:
    """One order's history: what is done to it, and what must hold after each act."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.shop = PaidShop()
        self.reached = 0
        self.told = 0
        self.log: list[str] = []

    async def begin(self) -> None:
        charge_at = self.rng.choice(list(ChargeAt))
        percent = 25 if charge_at is ChargeAt.DEPOSIT else 0
        await self.shop.place(QUANTITY, charge_at, fees=self.rng.choice([0, 490]), percent=percent)

    async def act(self) -> None:
        """One act of the customer, allocation, the shop, the bank, or the clock."""
        move = self.rng.choice(MOVES)
        self.log.append(f"{self.shop.clock.now():%d %H:%M:%S} {move}")
        await getattr(self, f"do_{move}")()

    async def do_allocate(self) -> None:
        await self.allocate(self.reached + self.rng.randint(0, 2))

    async def do_ship(self) -> None:
        units = min(await self.shop.shown(), self.rng.randint(1, 2))
        if units:
            await self.shop.ship(units)

    async def do_cancel(self) -> None:
        units = min(self.shop.order.lines["o1-0"].cancellable, 1)
        if units:
            await self.shop.cancel(units, by_customer=self.rng.random() < 0.5)
            await self.allocate(self.reached)

    async def do_work(self) -> None:
        fates = [self.rng.choice(["ok", "lost_request", "lost_response"]) for _ in range(3)]
        await self.shop.work(*fates, seconds=self.rng.choice([0, 61, 3600]))

    async def do_wait(self) -> None:
        await self.shop.work(hours=self.rng.choice([1, 13, 25, 50]))

    async def do_card(self) -> None:
        self.shop.bank.card = self.rng.choice(["ok", "ok", "declined", "sca", "slow"])

    async def do_refunds(self) -> None:
        self.shop.bank.refunds_are = self.rng.choice(["ok", "ok", "slow", "fail"])

    async def do_finish(self) -> None:
        for one in self.shop.bank.pending():
            self.shop.bank.finish(one, well=self.rng.random() < 0.6 and self._may_succeed(one))

    async def do_authenticate(self) -> None:
        for intent in self.shop.bank.waiting_for_customer():
            self.shop.bank.authenticate(intent, well=self.rng.random() < 0.5)

    def _may_succeed(self, one: Intent | BankRefund) -> bool:
        return isinstance(one, BankRefund) or self.shop.bank.card == "ok"

    async def allocate(self, units: int) -> None:
        """Allocation grants so many units of those that are wanted; shipped ones stay granted."""
        line = self.shop.order.lines["o1-0"]
        wanted = line.quantity - line.cancelled
        self.reached = max(line.shipped, min(units, wanted))
        await self.shop.allocate(self.reached, waiting=wanted - self.reached)

    async def do_tell(self) -> None:
        """The bank tells of something that has changed some time, perhaps for the second time."""
        for reference in [*self.shop.bank.intents, *self.shop.bank.refunds]:
            if self.rng.random() < 0.5:
                self.told += self.rng.randint(0, 1)
                async with self.shop.units.begin() as uow:
                    body = f"e{self.told} payment.changed {reference}".encode()
                    await record_provider_event(uow, self.shop.providers, "bank", {"signature": "signed"}, body)
                    await uow.commit()
        await handle_provider_events(self.shop.units, self.shop.providers)

    async def rest(self) -> None:
        """The customer's card is good again, and everything comes to an end."""
        shop = self.shop
        shop.bank.card, shop.bank.refunds_are = "ok", "ok"
        for _ in range(8):
            for one in shop.bank.pending():
                shop.bank.finish(one, well=True)
            for intent in shop.bank.waiting_for_customer():
                shop.bank.authenticate(intent, well=True)
            await self.allocate(self.reached)
            await shop.work(hours=13)

    def check(self) -> None:
        shop, payment = self.shop, self.shop.stored.payment
        assert not shop.bank.wrongs
        assert len(payment.open_attempts) <= 1
        entries = [posting for _, posting, _ in shop.units.state.payments.entries]
        assert sum(posting.amount for posting in entries) == 0
        assert sum(one.amount for one in entries if one.account is Account.PROVIDER) == payment.net
        assert shop.bank.net <= QUANTITY * PRICE + 490

    def check_at_rest(self) -> None:
        self.check()
        shop, payment, summary = self.shop, self.shop.stored.payment, self.shop.stored.summary
        assert payment.open_attempts == []
        assert (payment.captured, payment.refunded) == (shop.bank.captured, shop.bank.refunded)
        if summary.state.value != "manual_refund":
            assert payment.net == summary.due
        assert (shop.bank.held, summary.held) == (summary.held_due, summary.held_due)
        line = shop.order.lines["o1-0"]
        assert line.shipped <= (line.charged or 0)


@pytest.mark.parametrize("chunk", range(CHUNKS))
async def test_no_history_of_the_real_use_cases_makes_or_loses_money(chunk: int) -> None:
    for seed in range(chunk, HISTORIES, CHUNKS):
        history = History(seed)
        try:
            await history.begin()
            for _ in range(25):
                await history.act()
                history.check()
            await history.rest()
            history.check_at_rest()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n" + "\n".join(history.log)) from error
