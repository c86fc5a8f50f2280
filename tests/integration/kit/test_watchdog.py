"""A consumer that hangs is replaced, and its process ended when that does not help."""

import asyncio
from collections.abc import Sequence

import pytest

from event_contracts import Event
from service_kit.messaging.consumer import Consumer, ConsumerStuck
from service_kit.messaging.event_log import OnRevoked, Producer, Record, RecordSource
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork
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


class HangingHandler(SampleHandler):
    """Never comes back, the first ``hangs`` times."""

    hangs = 1

    async def __call__(self, uow: SqlUnitOfWork, events: Sequence[Event]) -> None:
        if self.hangs:
            self.hangs -= 1
            await asyncio.Event().wait()
        await super().__call__(uow, events)


class DeafBus:
    """A log whose members, the first ``deaf`` of them, never hear of a record although some wait."""

    def __init__(self, deaf: int) -> None:
        self.inner = InMemoryEventLog()
        self.deaf = deaf

    def producer(self) -> Producer:
        return self.inner.producer()

    def source(self, group: str, topics: Sequence[str], on_revoked: OnRevoked) -> RecordSource:
        self.deaf -= 1
        kind = DeafSource if self.deaf >= 0 else InMemorySource
        return kind(self.inner, group, topics, on_revoked)


class DeafSource(InMemorySource):
    async def poll(self, timeout: float, max_records: int) -> list[Record]:
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


async def test_a_handler_that_hangs_once_is_given_up_and_its_events_come_again(database: Database) -> None:
    bus = InMemoryEventLog()
    events = order_events(keys=3, each=3)
    await store(bus, events)
    handler = HangingHandler()
    async with running(consumer(database, bus, handler).run):

        async def all_applied() -> bool:
            return await applied(database) == expected(events)

        await eventually(all_applied, 20)
    assert handler.hangs == 0


async def test_a_handler_that_hangs_again_ends_the_consumer(database: Database) -> None:
    bus = InMemoryEventLog()
    await store(bus, [order_event("o", 1)])
    handler = HangingHandler()
    handler.hangs = 9
    with pytest.raises(ConsumerStuck, match="no turn"):
        await asyncio.wait_for(consumer(database, bus, handler).run(asyncio.Event()), 20)


async def test_a_member_that_hears_of_no_record_is_replaced(database: Database) -> None:
    bus = DeafBus(deaf=1)
    events = order_events(keys=2, each=2)
    await store(bus.inner, events)
    async with running(consumer(database, bus).run):

        async def all_applied() -> bool:
            return await applied(database) == expected(events)

        await eventually(all_applied, 20)


async def test_when_its_replacement_is_deaf_too_the_consumer_ends(database: Database) -> None:
    bus = DeafBus(deaf=9)
    await store(bus.inner, order_events(keys=1, each=4))
    with pytest.raises(ConsumerStuck, match="records wait"):
        await asyncio.wait_for(consumer(database, bus).run(asyncio.Event()), 20)


async def test_waiting_for_a_database_that_is_away_is_no_stall(database: Database) -> None:
    bus = InMemoryEventLog()
    events = [order_event("o", 1)]
    await store(bus, events)
    left = 7  # with growing pauses longer than both limits

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
        turn_limit=4,
        progress_limit=4,
    )
    async with running(under_test.run):

        async def all_applied() -> bool:
            return await applied(database) == expected(events)

        await eventually(all_applied, 30)


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
