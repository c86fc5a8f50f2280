"""The consumer reads the next batch while one is handled: no record is lost, overtaken or taken from its new owner."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from event_contracts import Event, OrderLine
from service_kit.messaging.consumer import Consumer
from service_kit.messaging.event_log import EventLog, OnRevoked, Partition, Producer, Record, RecordSource
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.in_memory_event_log import InMemoryEventLog
from service_kit.testing.log import send_events
from service_kit.testing.running import running
from service_kit.testing.sample.service import (
    GROUP,
    SampleHandler,
    applied,
    count,
    expected,
    order_event,
    order_events,
    subscription,
)
from service_kit.testing.topics import new_topics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

BATCH = 100
"""The first that a consumer reads, before it knows how large the records are."""


def id_of(record: Record) -> str:
    """The id of the record's event."""
    found = dict(record.headers)["ce_id"]
    assert found is not None
    return found.decode()


class WatchedBus:
    """A log that tells what its members read, and when partitions are taken from them."""

    def __init__(self, inner: EventLog) -> None:
        self.inner = inner
        self.read: list[list[Record]] = []
        self.revoked = asyncio.Event()
        self.failing_poll: int | None = None
        """The poll with this number, counted from 0 and without the empty ones, raises once."""

    def producer(self) -> Producer:
        return self.inner.producer()

    def source(self, group: str, topics: Sequence[str], on_revoked: OnRevoked) -> RecordSource:
        async def revoked() -> None:
            self.revoked.set()
            await on_revoked()

        return WatchedSource(self, self.inner.source(group, topics, revoked))


class WatchedSource:
    def __init__(self, bus: WatchedBus, inner: RecordSource) -> None:
        self.bus, self.inner = bus, inner

    async def start(self) -> None:
        await self.inner.start()

    async def poll(self, timeout: float, max_records: int) -> list[Record]:
        if self.bus.failing_poll == len(self.bus.read):
            self.bus.failing_poll = None
            raise ConnectionError("the broker is away")
        records = await self.inner.poll(timeout, max_records)
        if records:
            self.bus.read.append(records)
        return records

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        await self.inner.commit(offsets)

    def lag(self) -> int | None:
        return self.inner.lag()

    async def stop(self) -> None:
        await self.inner.stop()


class HeldHandler(SampleHandler):
    """Waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = asyncio.Event()

    async def __call__(self, uow: SqlUnitOfWork, events: Sequence[Event]) -> None:
        await self.let_go.wait()
        await super().__call__(uow, events)


def consumer(database: Database, bus: EventLog, handler: SampleHandler | None = None) -> Consumer:
    return Consumer(database, new_topics("unused:1"), subscription(handler), GROUP, event_log=bus)


async def is_applied(database: Database, events: Sequence[Event]) -> bool:
    return await applied(database) == expected(events)


async def nothing_in_hand() -> None:
    pass


async def test_the_next_batch_is_read_while_one_is_handled(database: Database, bus: EventLog) -> None:
    watched, handler = WatchedBus(bus), HeldHandler()
    events = order_events(keys=20, each=100)
    await send_events(bus, events)
    async with running(consumer(database, watched, handler).run):
        await eventually(lambda: len(watched.read) > 1 and len(watched.read[0]) == BATCH, 20)
        assert not handler.batches, "none is handled yet"
        handler.let_go.set()
        await eventually(lambda: is_applied(database, events), 20)
    assert len(watched.read) < 10, "one batch ahead, and no more"


def order_of_lines(number: int, lines: int) -> Event:
    event = order_event(f"o-{number}", 1)
    made = [OrderLine(line_id=f"l-{number}-{n}", sku="lamp", quantity=1, unit_price=100) for n in range(lines)]
    return replace(event, payload=event.payload.model_copy(update={"lines": tuple(made)}))


@pytest.mark.parametrize(("lines", "most", "sent"), [(1, 500, 1_000), (200, 50, 300)])
async def test_a_batch_is_bounded_by_what_its_records_hold(
    database: Database, lines: int, most: int, sent: int
) -> None:
    bus = InMemoryEventLog(partitions=1)
    watched = WatchedBus(bus)
    events = [order_of_lines(number, lines) for number in range(sent)]
    await send_events(bus, events)
    async with running(consumer(database, watched).run):
        await eventually(lambda: is_applied(database, events), 30)
    sizes = [len(records) for records in watched.read]
    assert sizes[0] == BATCH
    assert max(sizes[1:]) == most


async def test_no_more_than_one_batch_is_read_ahead(database: Database) -> None:
    bus = InMemoryEventLog(partitions=1)
    watched, handler = WatchedBus(bus), HeldHandler()
    await send_events(bus, order_events(keys=10, each=300))
    async with running(consumer(database, watched, handler).run) as stopping:
        await eventually(lambda: len(watched.read) == 2)
        for _ in range(1000):
            await asyncio.sleep(0)
        assert len(watched.read) == 2
        stopping.set()
        handler.let_go.set()
    assert bus.committed == {(GROUP, Partition("orders", 0)): BATCH}, "stopped after the batch in hand"


async def test_what_was_read_ahead_is_dropped_when_its_partitions_are_taken_away(
    database: Database, bus: EventLog
) -> None:
    watched, handler = WatchedBus(bus), HeldHandler()
    # More in each partition than the batch in hand can hold: the other member finds some in whichever it gets.
    events = order_events(keys=100, each=31)
    await send_events(bus, events[:-100])
    async with running(consumer(database, watched, handler).run):
        await eventually(lambda: len(watched.read) > 1, 20)
        first = {id_of(record) for record in watched.read[0]}
        # Another member joins, and reads without handling anything.
        other = bus.source(GROUP, ["orders"], nothing_in_hand)
        joining = asyncio.ensure_future(other.start())
        await eventually(watched.revoked.is_set, 20)
        handler.let_go.set()
        await joining
        theirs: set[str] = set()

        async def other_has_read() -> bool:
            theirs.update(id_of(record) for record in await other.poll(0.2, 5_000))
            return len(theirs) > 100

        await eventually(other_has_read, 20)
        await send_events(bus, events[-100:])
        await eventually(lambda: len(handler.batches) > 1, 20, reason="there is more in what was kept")
        ours = {event.id for batch in handler.batches for event in batch}
        assert first <= ours, "the batch in hand was finished"
        assert not ours & theirs, "and committed; nothing of the other member's was handled after it"
        await other.stop()
        await eventually(lambda: is_applied(database, events), 30)
    assert await count(database, "applied") == await count(database, "inbox") == len(events)


async def test_records_that_were_dropped_are_neither_handled_nor_committed(database: Database) -> None:
    bus = InMemoryEventLog(partitions=2)
    watched, handler = WatchedBus(bus), HeldHandler()
    # Some of either partition stand in the second batch.
    events = order_events(keys=40, each=20)
    await send_events(bus, events)
    async with running(consumer(database, watched, handler).run):
        await eventually(lambda: len(watched.read) == 2)
        other = bus.source(GROUP, ["orders"], nothing_in_hand)
        joining = asyncio.ensure_future(other.start())
        await eventually(watched.revoked.is_set)
        handler.let_go.set()
        await joining
        (taken,) = other.assigned
        (kept,) = {Partition("orders", 0), Partition("orders", 1)} - {taken}
        await eventually(lambda: bus.committed[GROUP, kept] == len(bus.log[kept]))
        handled = sum(record.partition == taken.number for record in watched.read[0])
        assert any(record.partition == taken.number for record in watched.read[1]), "some were read ahead"
        assert bus.committed.get((GROUP, taken), 0) == handled
        mine = {event.id for batch in handler.batches for event in batch}
        assert sum(id_of(record) in mine for record in bus.log[taken]) == handled
        await other.stop()
        await eventually(lambda: is_applied(database, events))


async def test_a_read_ahead_that_fails_leaves_the_batch_in_hand_alone(database: Database) -> None:
    bus = InMemoryEventLog(partitions=1)
    watched, handler = WatchedBus(bus), SampleHandler()
    watched.failing_poll = 1
    events = order_events(keys=10, each=200)
    await send_events(bus, events)
    async with running(consumer(database, watched, handler).run):
        await eventually(lambda: is_applied(database, events), 20)
        await eventually(lambda: sum(bus.committed.values()) == len(events))
    assert watched.failing_poll is None
    assert [len(batch) for batch in handler.batches] == [100, 500, 500, 500, 400], "none was handled twice"


async def test_a_batch_that_cannot_be_applied_before_the_stop_takes_the_one_read_ahead_with_it(
    database: Database,
) -> None:
    bus = InMemoryEventLog(partitions=1)
    failed = asyncio.Event()

    def away() -> None:
        failed.set()
        raise ConnectionError("away for good")

    watched = WatchedBus(bus)
    events = order_events(keys=10, each=200)
    await send_events(bus, events)
    async with running(consumer(database, watched, SampleHandler(before=away)).run, within=5):
        await failed.wait()
        await eventually(lambda: len(watched.read) == 2)
    assert not bus.committed
    assert await count(database, "inbox") == 0
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, events))


async def test_events_read_ahead_wait_behind_a_key_that_is_parked_meanwhile(database: Database) -> None:
    bus = InMemoryEventLog(partitions=1)
    events = order_events(keys=10, each=100)
    await send_events(bus, events)
    handler = SampleHandler(dislikes=lambda event: (event.key, event.sequence) == ("o-3", 50))
    async with running(consumer(database, WatchedBus(bus), handler).run):
        await eventually(lambda: sum(bus.committed.values()) == len(events), 20)
    fine = [event for event in events if event.key != "o-3" or event.sequence < 50]
    assert await is_applied(database, fine)
    assert await count(database, "parked_event") == 51, "the bad one, and behind it all that came later"
