"""The days of a replay, one after the other; within a day as much side by side as causes allow.

Morning: suppliers' news and deliveries, returns. Day: the orders. Evening, once every order is answered:
second thoughts and lost patience; then what can ship ships, purchase orders go out, on Sundays some SKUs are
counted. What happened is learned from HTTP answers and from the public topics only.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from backorder_workload.replay.answers import Answers
from backorder_workload.replay.api import Addresses, Api
from backorder_workload.replay.catalogue import draw_catalogue
from backorder_workload.replay.figures import Figures, figures_of
from backorder_workload.replay.inbound import Inbound
from backorder_workload.replay.listener import Listener
from backorder_workload.replay.opening import open_shop
from backorder_workload.replay.order_stream import Stream, StreamOrder
from backorder_workload.replay.purchasing import StockPosition
from backorder_workload.replay.session import Choices, Session
from backorder_workload.replay.shop_front import ShopFront
from backorder_workload.replay.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class System:
    """A running system as the replay reaches it."""

    addresses: Addresses
    key: str
    kafka: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a replay stands after a simulated day."""

    day: date
    orders: int
    waiting_units: int
    draining: bool


@dataclass(frozen=True, slots=True)
class Result:
    """A finished replay."""

    stream: Stream
    figures: Figures
    first_day: date
    last_day: date
    seconds: float
    calls: int
    events: Mapping[str, int]
    topics: Mapping[str, int]
    done: Mapping[str, int]
    refused: Mapping[str, int]


async def replay(
    system: System, stream: Stream, choices: Choices, tell: Callable[[Progress], None] = lambda _: None
) -> Result:
    """Replay a stream. Raises CallFailed, NotAnswered or NotSettled where the system does not play along."""
    catalogue = draw_catalogue(stream.orders, seed=choices.seed, locations=choices.locations)
    answers = Answers()
    started = time.monotonic()
    async with (
        Api(system.addresses, system.key, concurrency=choices.concurrency) as api,
        Listener(system.kafka, answers) as listener,
    ):
        session = Session(api, listener, answers, catalogue, StockPosition(catalogue), choices)
        await open_shop(session)
        last_day = await _Days(session, stream).run(tell)
        await listener.settled(("order", "inventory", "allocation", "notification"))
        seconds = time.monotonic() - started
        figures = figures_of((order.placed for order in session.orders.values()), answers, until=last_day)
        return Result(
            stream=stream,
            figures=figures,
            first_day=stream.orders[0].placed_at.date(),
            last_day=last_day,
            seconds=seconds,
            calls=api.calls,
            events=dict(listener.events),
            topics=await listener.records_since_start(),
            done=dict(session.done),
            refused=dict(session.refused),
        )


class _Days:
    def __init__(self, session: Session, stream: Stream) -> None:
        self._session = session
        self._by_day: defaultdict[date, list[StreamOrder]] = defaultdict(list)
        for order in stream.orders:
            self._by_day[order.placed_at.date()].append(order)
        self._front = ShopFront(session)
        self._warehouse = Warehouse(session)
        self._inbound = Inbound(session)

    async def run(self, tell: Callable[[Progress], None]) -> date:
        """Live through the days of the stream, then through those it takes to serve who still waits."""
        today, last_orders = min(self._by_day), max(self._by_day)
        end = last_orders + timedelta(days=self._session.choices.drain_days)
        while True:
            await self._live(today)
            self._forget_finished()
            waiting = self._session.answers.waiting_units(self._session.open_orders)
            tell(Progress(today, len(self._session.orders), waiting, draining=today > last_orders))
            if today >= end or (today >= last_orders and not self._session.open_orders):
                return today
            today += timedelta(days=1)

    async def _live(self, today: date) -> None:
        session = self._session
        await self._inbound.morning(today)
        await self._warehouse.take_returns(today)
        placed = await self._front.place(self._by_day.get(today, ()))
        await session.listener.answered()
        for sku, units in session.answers.newly_declined():
            session.position.changed(sku, units)
        await self._front.evening(today, placed)
        # Ship from what the order service knows: it must have heard of the day's deliveries and answers.
        await session.listener.answered()
        await session.listener.settled(("allocation", "order"))
        await self._warehouse.ship(today)
        await self._inbound.order(today)
        await self._warehouse.count(today)

    def _forget_finished(self) -> None:
        """Orders of which nothing is left to ship or to wait for need no more looking at."""
        open_orders, answers = self._session.open_orders, self._session.answers
        for order_id in list(open_orders):
            lines = answers.lines(order_id).values()
            waiting = any(line.now.waiting for line in lines)
            granted = sum(line.now.granted for line in lines)
            if not waiting and granted <= open_orders[order_id].placed.shipped_units:
                del open_orders[order_id]
