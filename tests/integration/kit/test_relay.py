"""The relay: everything in the outbox reaches the log, in order per key, whatever fails on the way."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Sequence

import pytest
from sqlalchemy import text

from event_contracts import Event
from event_contracts.envelope import decode
from service_kit.messaging.event_log import EventLog, Outbound, Producer, Record
from service_kit.messaging.outbox import publish
from service_kit.messaging.relay import Relay
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.in_memory_event_log import InMemoryEventLog
from service_kit.testing.log import read_topic
from service_kit.testing.running import running
from service_kit.testing.sample.service import count, expected, order_events
from service_kit.testing.topics import KafkaTopics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def sequences(records: Sequence[Record]) -> dict[str, list[int]]:
    """The sequences per key in log order, repeats left out: what a reader with an inbox sees."""
    seen: set[str] = set()
    found: dict[str, list[int]] = defaultdict(list)
    for record in records:
        event = decode(record.headers, record.value)
        if event.id not in seen:
            seen.add(event.id)
            found[event.key].append(event.sequence)
    return dict(found)


async def store(database: Database, events: Sequence[Event], at_once: int = 100) -> None:
    for start in range(0, len(events), at_once):
        async with database.transaction() as conn:
            await publish(conn, events[start : start + at_once])


async def sent(database: Database) -> bool:
    return await count(database, "outbox") == 0


async def test_everything_is_sent_in_order_per_key_and_leaves_the_outbox_empty(
    database: Database, bus: EventLog
) -> None:
    events = order_events(keys=20, each=60)
    await store(database, events)
    async with running(Relay(database, bus.producer, batch=100).run):
        await eventually(lambda: sent(database))
    records = await read_topic(bus, "orders", len(events))
    assert len(records) == len(events)
    assert sequences(records) == expected(events)
    assert decode(records[0].headers, records[0].value).id in {event.id for event in events}
    assert {record.key for record in records} == {event.key.encode() for event in events}


async def test_a_commit_wakes_the_relay_without_waiting_for_its_next_look(database: Database) -> None:
    bus = InMemoryEventLog()
    async with running(Relay(database, bus.producer, poll=60).run):
        await eventually(lambda: relay_waits(database))
        await store(database, order_events(1, 1))
        await eventually(lambda: len(bus.records("orders")) == 1, 5)


async def relay_waits(database: Database) -> bool:
    async with database.reading() as conn:
        sql = "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory'"
        return bool((await conn.execute(text(sql + " AND granted AND datname = current_database()"))).scalar_one())


async def test_a_row_that_commits_late_is_not_passed_over(database: Database) -> None:
    bus = InMemoryEventLog()
    slow, quick = order_events(1, 1, prefix="slow")[0], order_events(1, 1, prefix="quick")[0]
    async with running(Relay(database, bus.producer).run):
        async with database.transaction() as conn:
            await publish(conn, [slow])  # takes the lower id
            await store(database, [quick])
            await eventually(lambda: len(bus.records("orders")) == 1)
        await eventually(lambda: len(bus.records("orders")) == 2)
        await eventually(lambda: sent(database))


async def test_what_stands_in_the_outbox_at_the_end_is_flushed(database: Database) -> None:
    bus = InMemoryEventLog()
    events = order_events(keys=10, each=100)
    await store(database, events)
    stopping = asyncio.Event()
    relay = asyncio.create_task(Relay(database, bus.producer, batch=50).run(stopping))
    await eventually(lambda: len(bus.records("orders")) > 0)
    stopping.set()
    await relay
    assert await count(database, "outbox") == 0
    assert sequences(bus.records("orders")) == expected(events)
    assert not await relay_waits(database), "the lock is free"


class FaultyProducer:
    """Loses acknowledgements, or fails between two records, as told by a script shared by all producers."""

    def __init__(self, bus: InMemoryEventLog, faults: list[int]) -> None:
        self._inner = bus.producer()
        self._faults = faults
        self._broken = False

    async def start(self) -> None:
        await self._inner.start()

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> Awaitable[object]:
        assert not self._broken, "a producer that failed must not be used again"
        if self._faults:
            self._faults[0] -= 1
            if self._faults[0] == 0:
                self._faults.pop(0)
                self._broken = True
                acknowledged: asyncio.Future[object] = asyncio.get_running_loop().create_future()
                if len(self._faults) % 2:
                    raise ConnectionError("cannot send")
                await self._inner.send(topic, key, value, headers)
                acknowledged.set_exception(ConnectionError("acknowledgement lost"))
                return acknowledged
        return await self._inner.send(topic, key, value, headers)

    async def send_all(self, records: Sequence[Outbound]) -> Sequence[Awaitable[object]]:
        return [await self.send(*record) for record in records]

    async def stop(self) -> None:
        await self._inner.stop()

    async def abandon(self) -> None:
        await self._inner.abandon()


async def test_after_any_send_error_a_new_producer_sends_the_round_again(database: Database) -> None:
    bus = InMemoryEventLog()
    events = order_events(keys=7, each=40)
    faults = [30, 1, 77, 120, 5]
    made: list[Producer] = []

    def factory() -> Producer:
        made.append(FaultyProducer(bus, faults))
        return made[-1]

    await store(database, events)
    async with running(Relay(database, factory, batch=60).run):
        await eventually(lambda: sent(database), 20)
    assert not faults, "every fault happened"
    assert len(made) == 6
    assert len(bus.records("orders")) > len(events), "rounds were repeated"
    assert sequences(bus.records("orders")) == expected(events)


async def test_orders_are_taken_while_the_broker_is_down_and_sent_when_it_is_back(database: Database) -> None:
    bus = InMemoryEventLog()
    bus.down = True
    events = order_events(keys=5, each=10)
    async with running(Relay(database, bus.producer).run):
        await store(database, events)
        assert await count(database, "outbox") == len(events)
        bus.down = False
        await eventually(lambda: sent(database))
    assert sequences(bus.records("orders")) == expected(events)


async def test_of_two_relays_one_works_and_the_other_takes_over(database: Database) -> None:
    bus = InMemoryEventLog()
    made = {"first": 0, "second": 0}

    def factory(name: str) -> Producer:
        made[name] += 1
        return bus.producer()

    stop_first = asyncio.Event()
    first = asyncio.create_task(Relay(database, lambda: factory("first")).run(stop_first))
    await eventually(lambda: relay_waits(database))
    async with running(Relay(database, lambda: factory("second")).run):
        await store(database, order_events(3, 3, prefix="a"))
        await eventually(lambda: sent(database))
        assert made == {"first": 1, "second": 0}
        stop_first.set()
        # While it ends it still sends what it finds.
        await first
        await store(database, order_events(3, 3, prefix="b"))
        await eventually(lambda: sent(database))
        assert made == {"first": 1, "second": 1}


async def test_a_relay_whose_connection_is_ended_again_and_again_loses_nothing(
    database: Database, bus: EventLog
) -> None:
    events = order_events(keys=10, each=200)
    end = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'backorder relay'"
    )
    async with running(Relay(database, bus.producer, batch=50).run):
        for start in range(0, len(events), 250):
            await eventually(lambda: relay_waits(database))
            await store(database, events[start : start + 250])
            async with database.transaction() as conn:
                await conn.execute(end)
        await eventually(lambda: sent(database), 20)
    assert sequences(await read_topic(bus, "orders", len(events))) == expected(events)


async def test_a_frozen_relay_is_replaced_when_nothing_is_heard_of_it(database: Database) -> None:
    bus = InMemoryEventLog()
    events = order_events(keys=3, each=30)
    frozen = asyncio.Event()

    class FrozenProducer(FaultyProducer):
        async def start(self) -> None:
            frozen.set()
            await asyncio.Event().wait()

    await store(database, events)
    async with running(Relay(database, bus.producer).run) as stop_standby:
        pass  # warms nothing up; shows that a relay can be started and stopped on the same database
    await store(database, order_events(keys=3, each=1, prefix="late"))
    stuck = asyncio.create_task(Relay(database, lambda: FrozenProducer(bus, []), lock_timeout=0.5).run(asyncio.Event()))
    await frozen.wait()
    async with running(Relay(database, bus.producer).run):
        await eventually(lambda: sent(database))
    stuck.cancel()
    await asyncio.wait([stuck])
    assert stop_standby.is_set()
    assert len(sequences(bus.records("orders"))) == 6


async def test_shards_divide_the_keys_and_together_send_everything(database: Database) -> None:
    bus = InMemoryEventLog()
    events = order_events(keys=30, each=10)
    await store(database, events)
    async with running(Relay(database, bus.producer, shard=0, shards=2).run):
        await eventually(lambda: len(bus.records("orders")) > 0)

        async def rest_is_the_others() -> bool:
            before = await count(database, "outbox")
            return 0 < before < len(events) and len(bus.records("orders")) == len(events) - before

        await eventually(rest_is_the_others)
    async with running(Relay(database, bus.producer, shard=1, shards=2).run):
        await eventually(lambda: sent(database))
    assert sequences(bus.records("orders")) == expected(events)


async def test_the_topic_prefix_is_the_log_s_business(database: Database, kafka_topics: KafkaTopics) -> None:
    await store(database, order_events(1, 1))
    async with database.reading() as conn:
        assert (await conn.execute(text("SELECT topic FROM outbox"))).scalars().all() == ["orders"]
    async with running(Relay(database, kafka_topics.event_log().producer).run):
        await eventually(lambda: sent(database))
    assert [record.topic for record in await read_topic(kafka_topics.event_log(), "orders", 1)] == ["orders"]
