"""The consumer: every event in effect once and in order per key, whatever comes and however often."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from event_contracts import Event
from event_contracts.envelope import decode
from service_kit.messaging.consumer import Consumer
from service_kit.messaging.event_log import EventLog, OnRevoked, Producer, RecordSource
from service_kit.messaging.inbox import purge
from service_kit.messaging.relay import Relay
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.in_memory_event_log import InMemoryEventLog
from service_kit.testing.log import send_events, send_record
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


def consumer(database: Database, bus: EventLog, handler: SampleHandler | None = None, group: str = GROUP) -> Consumer:
    return Consumer(database, new_topics("unused:1"), subscription(handler), group, event_log=bus)


async def is_applied(database: Database, events: Sequence[Event]) -> bool:
    return await applied(database) == expected(events)


async def test_every_event_is_applied_once_and_in_order_per_key(database: Database, bus: EventLog) -> None:
    events = order_events(keys=20, each=50)
    handler = SampleHandler()
    await send_events(bus, events)
    async with running(consumer(database, bus, handler).run):
        await eventually(lambda: is_applied(database, events), 20)
    assert await count(database, "inbox") == len(events)
    assert await count(database, "outbox") == len(events), "answers are in the outbox"
    assert max(len(batch) for batch in handler.batches) > 50, "events are handled in batches"
    assert max(len(batch) for batch in handler.batches) <= 500


async def test_duplicates_and_shuffled_repeats_change_nothing(database: Database, bus: EventLog) -> None:
    events = order_events(keys=5, each=20)
    repeats = events * 2
    random.Random(7).shuffle(repeats)
    await send_events(bus, [*events, *repeats, *events])
    marker = order_event("last", 1)
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, events), 20)
        await send_events(bus, [marker, *repeats])
        await eventually(lambda: is_applied(database, [*events, marker]), 20)
    assert await count(database, "inbox") == len(events) + 1


async def test_a_shuffled_delivery_applies_each_event_once(database: Database, bus: EventLog) -> None:
    events = order_events(keys=5, each=20)
    shuffled = [*events, *events]
    random.Random(3).shuffle(shuffled)
    await send_events(bus, shuffled)
    async with running(consumer(database, bus).run):

        async def all_there() -> bool:
            return {key: sorted(found) for key, found in (await applied(database)).items()} == expected(events)

        await eventually(all_there, 20)
    assert await count(database, "applied") == len(events)


async def test_a_replay_from_the_beginning_changes_nothing(database: Database) -> None:
    bus = InMemoryEventLog()
    events = order_events(keys=5, each=40)
    await send_events(bus, events)
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, events))
    bus.rewind(GROUP)
    async with running(consumer(database, bus).run):
        await eventually(lambda: bus.committed and sum(bus.committed.values()) == len(events))
    assert await is_applied(database, events)
    assert await count(database, "outbox") == len(events)


async def test_a_group_under_another_name_on_the_broker_gets_everything_and_the_inbox_stops_it(
    database: Database, kafka_log: EventLog
) -> None:
    events = order_events(keys=5, each=40)
    await send_events(kafka_log, events)
    async with running(consumer(database, kafka_log).run):
        await eventually(lambda: is_applied(database, events), 20)

    class Renamed:
        """The same log, but the group's offsets are lost."""

        def producer(self) -> Producer:
            return kafka_log.producer()

        def source(self, group: str, topics: Sequence[str], on_revoked: OnRevoked) -> RecordSource:
            return kafka_log.source(group + "-again", topics, on_revoked)

    marker = order_event("marker", 1)
    await send_events(kafka_log, [marker])
    async with running(consumer(database, Renamed()).run):
        await eventually(lambda: is_applied(database, [*events, marker]), 20)
    assert await count(database, "applied") == len(events) + 1


async def test_types_not_subscribed_or_not_known_are_passed_over_and_committed(database: Database) -> None:
    bus = InMemoryEventLog(partitions=1)
    other = order_event("a", 1, name="OrderShipped")
    unknown = [(k, b"backorder.OrderBlessed.v1" if k == "ce_type" else v) for k, v in other.headers()]
    await send_events(bus, [other])
    await send_record(bus, b"a", b"?", unknown)
    wanted = order_event("a", 2)
    await send_events(bus, [wanted])
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, [wanted]))
        await eventually(lambda: list(bus.committed.values()) == [3])
    assert await count(database, "inbox") == 1
    assert await count(database, "parked_key") == 0


async def test_transient_errors_are_tried_again_in_place_until_they_pass(database: Database, bus: EventLog) -> None:
    left = 4

    def stumble() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise ConnectionError("the database is away")

    events = order_events(keys=4, each=10)
    await send_events(bus, events)
    async with running(consumer(database, bus, SampleHandler(before=stumble)).run):
        await eventually(lambda: is_applied(database, events), 30)
    assert await count(database, "parked_key") == 0


async def test_a_consumer_that_waits_for_the_database_can_be_stopped(database: Database) -> None:
    bus = InMemoryEventLog()
    failed = asyncio.Event()

    def always() -> None:
        failed.set()
        raise ConnectionError("away for good")

    await send_events(bus, order_events(1, 1))
    async with running(consumer(database, bus, SampleHandler(before=always)).run, within=5):
        await failed.wait()
    assert not bus.committed


async def test_an_event_names_its_cause_when_it_was_handled_alone(database: Database) -> None:
    bus = InMemoryEventLog()
    event = replace(order_event("o", 1), traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    async with running(consumer(database, bus).run, Relay(database, bus.producer).run):
        await send_events(bus, [event])
        await eventually(lambda: len(bus.records("allocations")) == 1)
    answer = decode(bus.records("allocations")[0].headers, bus.records("allocations")[0].value)
    assert (answer.causation_id, answer.key) == (event.id, event.key)
    assert answer.traceparent is not None
    assert answer.traceparent.split("-")[1] == "a" * 32, "the trace goes on"


@pytest.mark.parametrize("members", [2, 3])
async def test_members_come_and_go_and_every_event_is_applied_once_in_order(
    database: Database, bus: EventLog, members: int
) -> None:
    events = order_events(keys=30, each=60)
    third = len(events) // 3
    await send_events(bus, events[:third])
    handlers = [SampleHandler() for _ in range(members)]
    async with running(*(consumer(database, bus, handler).run for handler in handlers)):

        async def all_work() -> bool:
            await send_events(bus, [order_event(f"probe-{random.random()}", 1, name="OrderAmended") for _ in range(6)])
            return all(handler.batches for handler in handlers)

        async with running(consumer(database, bus).run):
            await send_events(bus, events[third : 2 * third])
        await eventually(all_work, 30, every=0.2)
        await send_events(bus, events[2 * third :])

        async def done() -> bool:
            found = await applied(database)
            return {key: value for key, value in found.items() if key.startswith("o-")} == expected(events)

        await eventually(done, 30)
    assert await count(database, "applied") == await count(database, "inbox")


async def test_old_inbox_entries_are_forgotten_only_when_asked(database: Database) -> None:
    async with database.transaction() as conn:
        await conn.execute(
            text(
                "INSERT INTO inbox SELECT 'sample', n::text, now() - n * interval '1 day' FROM generate_series(1, 9) n"
            )
        )
    assert await purge(database, timedelta(days=5, hours=1), batch=2) == 4
    assert await count(database, "inbox") == 5
