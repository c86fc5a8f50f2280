"""Replays the days of a stream, one after the other, with as much concurrency within a day as causality allows.

Morning: suppliers announce new dates and deliver, customers return goods. Day: orders are placed. Evening, once every
order is decided: customers change their minds or lose patience; what can ship is shipped, purchase orders are placed,
and on Sundays some SKUs are counted. The replay learns only from HTTP responses and from the public topics.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from backorder_workload.replay.allocation_history import AllocationHistory
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
    """How to reach a running system."""

    addresses: Addresses
    key: str
    kafka: str


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """How far a replay is after a simulated day."""

    day: date
    orders: int
    waiting_units: int
    draining: bool


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a finished replay."""

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
    system: System, stream: Stream, choices: Choices, on_day: Callable[[ReplayProgress], None] = lambda _: None
) -> Result:
    """Replay a stream; `on_day` is called after every simulated day.

    Raises CallFailed, NotDecided or NotCaughtUp if the system refuses a call or stops making progress.
    """
    catalogue = draw_catalogue(stream.orders, seed=choices.seed, locations=choices.locations)
    history = AllocationHistory()
    started = time.monotonic()
    async with (
        Api(system.addresses, system.key, concurrency=choices.concurrency) as api,
        Listener(system.kafka, history) as listener,
    ):
        session = Session(api, listener, history, catalogue, StockPosition(catalogue), choices)
        await open_shop(session)
        last_day = await _Days(session, stream).run(on_day)
        await listener.caught_up(("order", "inventory", "allocation", "notification"))
        seconds = time.monotonic() - started
        figures = figures_of((order.placed for order in session.orders.values()), history, until=last_day)
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

    async def run(self, on_day: Callable[[ReplayProgress], None]) -> date:
        """Simulate the days of the stream, then those that it takes to fill the backorders; returns the last day."""
        today, last_orders = min(self._by_day), max(self._by_day)
        end = last_orders + timedelta(days=self._session.choices.drain_days)
        while True:
            await self._simulate(today)
            self._forget_finished()
            waiting = self._session.history.waiting_units(self._session.open_orders)
            on_day(ReplayProgress(today, len(self._session.orders), waiting, draining=today > last_orders))
            if today >= end or (today >= last_orders and not self._session.open_orders):
                return today
            today += timedelta(days=1)

    async def _simulate(self, today: date) -> None:
        session = self._session
        await self._inbound.morning(today)
        await self._warehouse.take_returns(today)
        placed = await self._front.place(self._by_day.get(today, ()))
        await session.listener.decided()
        for sku, units in session.history.newly_declined():
            session.position.changed(sku, units)
        await self._front.evening(today, placed)
        # The order service says what can ship: it must have handled the day's deliveries and decisions.
        await session.listener.decided()
        await session.listener.caught_up(("allocation", "order"))
        await self._warehouse.ship(today)
        await self._inbound.order(today)
        await self._warehouse.count(today)

    def _forget_finished(self) -> None:
        """Drop orders that have nothing left to ship or to wait for."""
        open_orders, history = self._session.open_orders, self._session.history
        for order_id in list(open_orders):
            lines = history.lines(order_id).values()
            waiting = any(line.now.waiting for line in lines)
            granted = sum(line.now.granted for line in lines)
            if not waiting and granted <= open_orders[order_id].placed.shipped_units:
                del open_orders[order_id]
