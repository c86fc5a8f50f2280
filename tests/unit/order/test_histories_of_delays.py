"""Whatever the order of notices, answers and sweeps, and wherever a process dies: the same units are cancelled, for the
same cause and day, with one refund. Histories of the use cases in memory; a seed names one of them.

A test's name has its seed. `BACKORDER_SEED=17 pytest …` plays one history again, `BACKORDER_HISTORIES=500 pytest …`
more of them.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.scenario import LineAnswer, Neighbours
from tests.unit.order.in_memory_application import in_memory_application
from tests.unit.order.in_memory_stores import InMemoryOrderUnits, in_memory_units
from tests.unit.order.scenarios import NOW, neighbours_at, new_order
from tests.unit.order.shop import order_in

from event_contracts import Event, NotificationOutcome, new_event
from event_contracts.sources import NOTIFICATION_SOURCE
from order_service.application.apply_allocations import apply_allocations
from order_service.application.promises.find_promises import find_promises
from order_service.application.promises.judge_orders import find_orders_to_judge, judge_orders
from order_service.application.promises.record_notices import record_sent_notices
from order_service.application.promises.record_reply import ReplyToOffer, record_reply
from order_service.application.queries import Visibility
from order_service.bootstrap import OrderApplication
from order_service.config import OrderSettings
from order_service.domain.promises.records import Choice, Offer, Reply
from order_service.domain.promises.replies import ReplyRefused
from service_kit.commands.execute import execute, read
from service_kit.testing import FakeClock

T = date(2026, 1, 20)
END = datetime(2026, 6, 1, tzinfo=UTC)
SEEDS = (
    [int(os.environ["BACKORDER_SEED"])]
    if "BACKORDER_SEED" in os.environ
    else range(int(os.environ.get("BACKORDER_HISTORIES", "40")))
)


class Died(Exception):
    """The process died before it committed."""


@dataclass
class History:
    """One order of a US customer and what happens to it; ``rng`` decides when anybody looks and where they die."""

    rng: random.Random
    sweeps: float
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    units: InMemoryOrderUnits = field(init=False)
    application: OrderApplication = field(init=False)
    neighbours: Neighbours = field(init=False)
    told: Any = None

    def __post_init__(self) -> None:
        self.units = in_memory_units(self.clock)
        settings = OrderSettings(
            database_url="postgresql+asyncpg://nobody@127.0.0.1:1/no", kafka_bootstrap="no:1", keyring_path=Path("no")
        )
        self.application = in_memory_application(settings, self.clock, self.units)
        self.neighbours = neighbours_at(self.clock)

    async def begin(self) -> None:
        """The order is placed."""
        placed = new_order("o1", ("lamp", 2), jurisdiction="US", time_zone="America/New_York")
        async with self.units.begin() as uow:
            await uow.new_orders.add([placed])
            await uow.commit()
        self.told = order_in(placed.event)

    async def sweep(self) -> None:
        """One round of the loop, which may die before it commits."""
        now = self.clock.now()
        due = await read(self.units, find_orders_to_judge, now, ())
        if not due:
            return
        if self.rng.random() < 0.3:
            with pytest.raises(Died):
                async with self.units.begin() as uow:
                    await judge_orders(uow, due, now, self.application.law)
                    raise Died
            return
        await execute(self.units, judge_orders, due, now, self.application.law)

    async def until(self, moment: datetime) -> None:
        """Time passes; somebody sweeps now and then, or nobody does."""
        while self.rng.random() < self.sweeps:
            ahead = (moment - self.clock.now()) * self.rng.random()
            self.clock.advance(ahead)
            await self.sweep()
        self.clock.advance(moment - self.clock.now())

    async def promise(self, day: date | None) -> None:
        """Allocation names a date, perhaps twice; the loop judges the order within seconds."""
        event = self.neighbours.answer(self.told, LineAnswer(waiting=2, promise=day))
        for _ in range(self.rng.choice((1, 1, 2))):
            watch, business_clock = self.application.watch, self.application.business_clock
            await execute(self.units, apply_allocations, [event], business_clock=business_clock, watch=watch)
        await execute(self.units, judge_orders, ["o1"], self.clock.now(), self.application.law)

    async def newest_offer(self) -> Offer | None:
        record = await read(self.units, find_promises, "o1", Visibility(), self.clock.now())
        return record.offers[-1] if record.offers else None

    async def notice(self) -> None:
        """Notification reports what it sent, perhaps twice."""
        offer = await self.newest_offer()
        if offer is not None:
            for _ in range(self.rng.choice((1, 2))):
                link = self.application.offer_links.link
                await execute(self.units, record_sent_notices, [self._sent(offer)], link=link)

    def _sent(self, offer: Offer) -> Event:
        outcome = NotificationOutcome(
            notification_id="n1", order_id="o1", template="delay_notice", channel="email", attempts=1,
            occurred_at=self.clock.now(), offer_ids=(offer.offer_id,),
        )  # fmt: skip
        return new_event("NotificationSent", outcome, source=NOTIFICATION_SOURCE, sequence=1, now=self.clock.now())

    async def reply(self, choice: Choice) -> None:
        """The customer answers, perhaps twice."""
        offer = await self.newest_offer()
        if offer is None:
            return
        command = ReplyToOffer("o1", offer.offer_id, Reply(choice, self.clock.now()))
        for _ in range(self.rng.choice((1, 2))):
            try:
                await execute(self.units, record_reply, command, self.application.law)
            except ReplyRefused:
                return

    async def outcome(self) -> Any:
        """What became of it in the end: units cancelled, rights, and the records and replies behind them."""
        for _ in range(3):
            self.clock.advance(max(END - self.clock.now(), timedelta(days=1)))
            await execute(self.units, judge_orders, ["o1"], self.clock.now(), self.application.law)
        record = await read(self.units, find_promises, "o1", Visibility(), self.clock.now())
        refunds = [(one.units, one.cause, one.vested_on, one.refund_due_by, one.fees) for one in record.refunds]
        replies = [one.reply.choice if one.reply else None for one in record.offers]
        return (
            record.order.lines["o1-0"].cancelled,
            refunds,
            [(one.revision, one.date) for one in record.records],
            [(one.number, one.lines, one.respond_by, one.sent_at) for one in record.offers],
            replies,
        )


def _story(rng: random.Random) -> list[tuple[datetime, str, Any]]:
    """What happens, and when: dates that slip, notices and answers."""
    acts: list[tuple[datetime, str, Any]] = [(NOW, "promise", T)]
    moment, day = NOW, T
    for _ in range(rng.randint(1, 3)):
        moment += timedelta(days=rng.randint(1, 12), minutes=rng.randint(0, 1439))
        day += timedelta(days=rng.choice((3, 20, 30, 31, 60)))
        acts.append((moment, "promise", None if rng.random() < 0.2 else day))
        if rng.random() < 0.8:
            moment += timedelta(minutes=rng.choice((1, 60, 30 * 1440)))
            acts.append((moment, "notice", None))
        if rng.random() < 0.6:
            moment += timedelta(minutes=rng.choice((1, 1440, 20 * 1440)))
            acts.append((moment, "reply", rng.choice((Choice.WAIT, Choice.WAIT, Choice.CANCEL))))
    return acts


async def _play(seed: int, sweeps: float, luck: int) -> Any:
    history = History(random.Random(luck), sweeps)
    await history.begin()
    for moment, act, what in _story(random.Random(seed)):
        await history.until(moment)
        # The loop has looked at the latest five minutes after each deadline, whoever died on the way.
        await execute(history.units, judge_orders, ["o1"], history.clock.now(), history.application.law)
        if act == "promise":
            await history.promise(what)
        elif act == "notice":
            await history.notice()
        else:
            await history.reply(what)
    return await history.outcome()


@pytest.mark.parametrize("seed", SEEDS)
async def test_sweeps_repetitions_and_deaths_change_no_outcome(seed: int) -> None:
    expected = await _play(seed, sweeps=0.0, luck=0)
    for luck in range(1, 4):
        assert await _play(seed, sweeps=0.8, luck=luck) == expected
    cancelled, refunds, *_ = expected
    assert cancelled == sum(units for units, *_ in refunds), "each unit is refunded once"
