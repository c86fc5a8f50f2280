"""A consumer that hangs is replaced, and its process ended when that does not help."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest

from event_contracts import Event
from service_kit.messaging import consumer as consumer_module
from service_kit.messaging.consumer import Consumer, ConsumerStuck
from service_kit.messaging.event_log import OnRevoked, Producer, Record, RecordSource
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork
from service_kit.messaging.watchdog import Watchdog
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.in_memory_event_log import InMemoryEventLog, InMemorySource
from service_kit.testing.running import running
from service_kit.testing.sample.service import (
    GROUP,
    SampleHandler,
    applied,
    expected,
    order_event,
    order_events,
    subscription,
)
from service_kit.testing.topics import new_topics

pytestmark = pytest.mark.postgres


class HangingTime:
    """Time that passes only while something hangs: that the machine is slow is no stall."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._since: float | None = None

    def __call__(self) -> float:
        return self._passed + (0 if self._since is None else time.monotonic() - self._since)

    @contextmanager
    def passing(self) -> Iterator[None]:
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._passed, self._since = self(), None


@pytest.fixture
def hanging_time(monkeypatch: pytest.MonkeyPatch) -> HangingTime:
    """What the watchdogs of the test go by."""
    passing = HangingTime()
    monkeypatch.setattr(consumer_module, "Watchdog", partial(Watchdog, now=passing))
    return passing


class HangingHandler(SampleHandler):
    """Never comes back, the first ``hangs`` times."""

    def __init__(self, hanging_time: HangingTime, hangs: int) -> None:
        super().__init__()
        self.hanging_time, self.hangs = hanging_time, hangs

    async def __call__(self, uow: SqlUnitOfWork, events: Sequence[Event]) -> None:
        if self.hangs:
            self.hangs -= 1
            with self.hanging_time.passing():
                await asyncio.Event().wait()
        await super().__call__(uow, events)


class DeafBus:
    """A log whose members, the first ``deaf`` of them, never hear of a record although some wait."""

    def __init__(self, hanging_time: HangingTime, deaf: int) -> None:
        self.inner = InMemoryEventLog()
        self.hanging_time, self.deaf = hanging_time, deaf

    def producer(self) -> Producer:
        return self.inner.producer()

    def source(self, group: str, topics: Sequence[str], on_revoked: OnRevoked) -> RecordSource:
        self.deaf -= 1
        if self.deaf < 0:
            return InMemorySource(self.inner, group, topics, on_revoked)
        return DeafSource(self.inner, group, topics, on_revoked, self.hanging_time)


class DeafSource(InMemorySource):
    def __init__(
        self,
        event_log: InMemoryEventLog,
        group: str,
        topics: Sequence[str],
        on_revoked: OnRevoked,
        hanging_time: HangingTime,
    ) -> None:
        super().__init__(event_log, group, topics, on_revoked)
        self.hanging_time = hanging_time

    async def poll(self, timeout: float, max_records: int) -> list[Record]:
        with self.hanging_time.passing():
            await asyncio.sleep(min(timeout, 0.05))
        return []


async def store(bus: InMemoryEventLog, events: Sequence[Event]) -> None:
    for event in events:
        await bus.append(event.topic, event.key.encode(), event.value(), event.headers())


def consumer(database: Database, bus: InMemoryEventLog | DeafBus, handler: SampleHandler | None = None) -> Consumer:
    return Consumer(
        database,
        new_topics("unused:1"),
        subscription(handler),
        GROUP,
        event_log=bus,
        turn_limit=1.5,
        progress_limit=2,
    )


async def test_a_handler_that_hangs_once_is_given_up_and_its_events_come_again(
    database: Database, hanging_time: HangingTime
) -> None:
    bus = InMemoryEventLog()
    events = order_events(keys=3, each=3)
    await store(bus, events)
    handler = HangingHandler(hanging_time, hangs=1)
    async with running(consumer(database, bus, handler).run):

        async def all_applied() -> bool:
            return await applied(database) == expected(events)

        await eventually(all_applied, 60)
    assert handler.hangs == 0


async def test_a_handler_that_hangs_again_ends_the_consumer(database: Database, hanging_time: HangingTime) -> None:
    bus = InMemoryEventLog()
    await store(bus, [order_event("o", 1)])
    handler = HangingHandler(hanging_time, hangs=9)
    with pytest.raises(ConsumerStuck, match="no turn"):
        await asyncio.wait_for(consumer(database, bus, handler).run(asyncio.Event()), 60)


async def test_a_member_that_hears_of_no_record_is_replaced(database: Database, hanging_time: HangingTime) -> None:
    bus = DeafBus(hanging_time, deaf=1)
    events = order_events(keys=2, each=2)
    await store(bus.inner, events)
    async with running(consumer(database, bus).run):

        async def all_applied() -> bool:
            return await applied(database) == expected(events)

        await eventually(all_applied, 60)


async def test_when_its_replacement_is_deaf_too_the_consumer_ends(
    database: Database, hanging_time: HangingTime
) -> None:
    bus = DeafBus(hanging_time, deaf=9)
    await store(bus.inner, order_events(keys=1, each=4))
    with pytest.raises(ConsumerStuck, match="records wait"):
        await asyncio.wait_for(consumer(database, bus).run(asyncio.Event()), 60)


async def test_waiting_for_a_database_that_is_away_is_no_stall(database: Database) -> None:
    bus = InMemoryEventLog()
    events = [order_event("o", 1)]
    await store(bus, events)
    left = 11  # ten pauses of up to 1 s, 3.75 s at least in all: longer than both limits

    def away() -> None:
        nonlocal left
        left -= 1
        if left > 0:
            raise ConnectionError("away")

    under_test = Consumer(
        database,
        new_topics("unused:1"),
        subscription(SampleHandler(before=away)),
        GROUP,
        event_log=bus,
        turn_limit=3,
        progress_limit=3,
        longest_pause=1,
    )
    async with running(under_test.run):

        async def all_applied() -> bool:
            return await applied(database) == expected(events)

        await eventually(all_applied, 60)


async def test_a_consumer_without_work_is_left_alone(database: Database) -> None:
    bus = InMemoryEventLog()
    under_test = consumer(database, bus)
    async with running(under_test.run):
        loop = asyncio.get_running_loop()
        began = loop.time()
        await eventually(lambda: loop.time() - began > 2.5)
        await store(bus, events := [order_event("o", 1)])

        async def all_applied() -> bool:
            return await applied(database) == expected(events)

        await eventually(all_applied)
