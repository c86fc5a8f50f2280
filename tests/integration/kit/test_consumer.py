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
from service_kit.bus import Bus, OnRevoked, Producer, Record, RecordSource
from service_kit.consumer import Consumer, TooManyParked
from service_kit.database import Database
from service_kit.inbox import purge
from service_kit.outbox import Relay, unpack_headers
from service_kit.parking import ParkingLot
from service_kit.testing.bus import InMemoryBus
from service_kit.testing.eventually import eventually
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


async def send(bus: Bus, events: Sequence[Event]) -> None:
    """Put events on the log as they are, past any outbox."""
    producer = bus.producer()
    await producer.start()
    acks = [await producer.send(e.topic, e.key.encode(), e.value(), e.headers()) for e in events]
    await asyncio.gather(*acks)
    await producer.stop()


async def send_raw(
    bus: Bus, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]], topic: str = "orders"
) -> None:
    producer = bus.producer()
    await producer.start()
    await (await producer.send(topic, key, value, headers))
    await producer.stop()


def consumer(database: Database, bus: Bus, handler: SampleHandler | None = None, group: str = GROUP) -> Consumer:
    return Consumer(database, new_topics("unused:1"), subscription(handler), group, bus=bus)


async def is_applied(database: Database, events: Sequence[Event]) -> bool:
    return await applied(database) == expected(events)


async def test_every_event_is_applied_once_and_in_order_per_key(database: Database, bus: Bus) -> None:
    events = order_events(keys=20, each=50)
    handler = SampleHandler()
    await send(bus, events)
    async with running(consumer(database, bus, handler).run):
        await eventually(lambda: is_applied(database, events), 20)
    assert await count(database, "inbox") == len(events)
    assert await count(database, "outbox") == len(events), "answers are in the outbox"
    assert max(len(batch) for batch in handler.batches) > 50, "events are handled in batches"
    assert max(len(batch) for batch in handler.batches) <= 500


async def test_duplicates_and_shuffled_repeats_change_nothing(database: Database, bus: Bus) -> None:
    events = order_events(keys=5, each=20)
    repeats = events * 2
    random.Random(7).shuffle(repeats)
    await send(bus, [*events, *repeats, *events])
    marker = order_event("last", 1)
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, events), 20)
        await send(bus, [marker, *repeats])
        await eventually(lambda: is_applied(database, [*events, marker]), 20)
    assert await count(database, "inbox") == len(events) + 1


async def test_a_shuffled_delivery_applies_each_event_once(database: Database, bus: Bus) -> None:
    events = order_events(keys=5, each=20)
    shuffled = [*events, *events]
    random.Random(3).shuffle(shuffled)
    await send(bus, shuffled)
    async with running(consumer(database, bus).run):

        async def all_there() -> bool:
            return {key: sorted(found) for key, found in (await applied(database)).items()} == expected(events)

        await eventually(all_there, 20)
    assert await count(database, "applied") == len(events)


async def test_a_replay_from_the_beginning_changes_nothing(database: Database) -> None:
    bus = InMemoryBus()
    events = order_events(keys=5, each=40)
    await send(bus, events)
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, events))
    bus.rewind(GROUP)
    async with running(consumer(database, bus).run):
        await eventually(lambda: bus.committed and sum(bus.committed.values()) == len(events))
    assert await is_applied(database, events)
    assert await count(database, "outbox") == len(events)


async def test_a_group_under_another_name_on_the_broker_gets_everything_and_the_inbox_stops_it(
    database: Database, kafka_log: Bus
) -> None:
    events = order_events(keys=5, each=40)
    await send(kafka_log, events)
    async with running(consumer(database, kafka_log).run):
        await eventually(lambda: is_applied(database, events), 20)

    class Renamed:
        """The same log, but the group's offsets are lost."""

        def producer(self) -> Producer:
            return kafka_log.producer()

        def source(self, group: str, topics: Sequence[str], on_revoked: OnRevoked) -> RecordSource:
            return kafka_log.source(group + "-again", topics, on_revoked)

    marker = order_event("marker", 1)
    await send(kafka_log, [marker])
    async with running(consumer(database, Renamed()).run):
        await eventually(lambda: is_applied(database, [*events, marker]), 20)
    assert await count(database, "applied") == len(events) + 1


async def test_types_not_subscribed_or_not_known_are_passed_over_and_committed(database: Database) -> None:
    bus = InMemoryBus(partitions=1)
    other = order_event("a", 1, name="OrderShipped")
    unknown = [(k, b"backorder.OrderBlessed.v1" if k == "ce_type" else v) for k, v in other.headers()]
    await send(bus, [other])
    await send_raw(bus, b"a", b"?", unknown)
    wanted = order_event("a", 2)
    await send(bus, [wanted])
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, [wanted]))
        await eventually(lambda: list(bus.committed.values()) == [3])
    assert await count(database, "inbox") == 1
    assert await count(database, "parked_key") == 0


async def test_a_poisonous_event_parks_its_key_and_all_others_flow(database: Database, bus: Bus) -> None:
    events = order_events(keys=8, each=12)
    handler = SampleHandler(dislikes=lambda event: event.key == "o-3" and event.sequence == 5)
    await send(bus, events)
    flowing = [event for event in events if event.key != "o-3" or event.sequence < 5]
    async with running(consumer(database, bus, handler).run):
        await eventually(lambda: is_applied(database, flowing), 20)
        later = [order_event("o-3", 13), order_event("o-4", 13)]
        await send(bus, later)
        await eventually(lambda: is_applied(database, [*flowing, later[1]]), 20)

        async def behind() -> bool:
            return await count(database, "parked_event") == 12 - 4 + 1

        await eventually(behind)
    tries = [batch for batch in handler.batches if [(e.key, e.sequence) for e in batch] == [("o-3", 5)]]
    assert len(tries) == 3
    [parked] = await ParkingLot(database, GROUP, handler).list_keys()
    assert (parked.topic, parked.key, parked.events, parked.event_name) == ("orders", "o-3", 9, "OrderPlaced")
    assert "Poison: o-3/5" in parked.error


async def test_replaying_a_key_applies_its_events_in_order_and_frees_it(database: Database, bus: Bus) -> None:
    events = order_events(keys=3, each=300)
    broken = True
    handler = SampleHandler(dislikes=lambda event: broken and event.key == "o-1" and event.sequence == 2)
    await send(bus, events)
    lot = ParkingLot(database, GROUP, handler)
    async with running(consumer(database, bus, handler).run):
        flowing = [event for event in events if event.key != "o-1" or event.sequence < 2]
        await eventually(lambda: is_applied(database, flowing), 20)

        async def all_parked() -> bool:
            return await count(database, "parked_event") == 299

        await eventually(all_parked)
        told = await lot.replay("orders", "o-1")
        assert (told.replayed, told.remaining) == (0, 299), "still broken: nothing is lost, nothing is skipped"
        assert told.error is not None
        broken = False
        told = await lot.replay("orders", "o-1")
        assert (told.replayed, told.remaining, told.error) == (299, 0, None)
        later = order_event("o-1", 301)
        await send(bus, [later])
        await eventually(lambda: is_applied(database, [*events, later]), 20)
    assert await count(database, "parked_key") == 0
    assert await count(database, "outbox") == len(events) + 1


async def test_replay_stops_at_the_next_event_that_fails_and_keeps_what_it_did(database: Database) -> None:
    bus = InMemoryBus()
    events = order_events(keys=1, each=50)
    broken = {3, 40}
    handler = SampleHandler(dislikes=lambda event: event.sequence in broken)
    await send(bus, events)
    async with running(consumer(database, bus, handler).run):

        async def parked() -> bool:
            return await count(database, "parked_event") == 48

        await eventually(parked)
    broken.remove(3)
    lot = ParkingLot(database, GROUP, handler)
    told = await lot.replay("orders", "o-0")
    assert (told.replayed, told.remaining) == (37, 11)
    assert await applied(database) == {"o-0": list(range(1, 40))}
    [event] = [event for event in events if event.sequence == 40]
    assert await lot.discard("orders", "o-0", event.id) == 1
    assert (await lot.replay("orders", "o-0")).error is None
    assert await applied(database) == {"o-0": [*range(1, 40), *range(41, 51)]}


async def test_what_was_discarded_stays_so_when_it_comes_again(database: Database) -> None:
    bus = InMemoryBus()
    events = order_events(keys=2, each=3)
    handler = SampleHandler(dislikes=lambda event: event.key == "o-0" and event.sequence == 2)
    await send(bus, events)
    lot = ParkingLot(database, GROUP, handler)
    async with running(consumer(database, bus, handler).run):

        async def parked() -> bool:
            return await count(database, "parked_event") == 2

        await eventually(parked)
        assert await lot.discard("orders", "o-0") == 2
        assert await count(database, "parked_key") == 0
        await send(bus, events)
        marker = order_event("o-0", 4)
        await send(bus, [marker])
        await eventually(lambda: last_of(database, "o-0", 4))
    assert (await applied(database))["o-0"] == [1, 4]
    assert await count(database, "parked_key") == 0


async def last_of(database: Database, key: str, sequence: int) -> bool:
    return (await applied(database)).get(key, [0])[-1] == sequence


async def test_unreadable_records_are_parked_and_never_block(database: Database, bus: Bus) -> None:
    good = order_event("good", 1)
    headers = good.headers()
    await send_raw(bus, b"k1", b"{not json", [(k, b"k1" if k == "ce_partitionkey" else v) for k, v in headers])
    await send_raw(bus, b"k2", b"{}", [])
    await send_raw(bus, b"", b"\x00\xff", [("ce_id", b"x\x00y"), ("junk", b"\x00\xfe")])
    await send_raw(bus, b"long" * 100, b"{}", [("ce_id", b"i" * 5000)])
    await send(bus, [good])
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, [good]), 20)

        async def parked() -> bool:
            return await count(database, "parked_event") == 4

        await eventually(parked)
    keys = {parked.key for parked in await ParkingLot(database, GROUP, SampleHandler()).list_keys()}
    assert {"k1", "k2"} <= keys
    assert all(key in ("k1", "k2") or key.startswith("orders-") for key in keys), "partition and offset name the rest"
    async with database.reading() as conn:
        packed = (await conn.execute(text("SELECT headers FROM parked_event WHERE value = '\\x00ff'"))).scalar_one()
    assert unpack_headers(packed)[-1] == ("junk", b"\x00\xfe"), "the record is kept byte for byte"


async def test_parked_events_appear_on_the_dead_letter_topic_with_origin_and_error(
    database: Database, bus: Bus
) -> None:
    events = order_events(keys=2, each=3)
    handler = SampleHandler(dislikes=lambda event: event.key == "o-1")
    await send(bus, events)
    under_test = consumer(database, bus, handler)
    async with running(under_test.run, under_test.dead_letters.run):

        async def all_mirrored() -> bool:
            async with database.reading() as conn:
                sql = "SELECT count(*) FILTER (WHERE mirrored), count(*) FROM parked_event"
                return tuple((await conn.execute(text(sql))).one()) == (3, 3)

        await eventually(all_mirrored, 20)
    letters = await read(bus, "orders.sample.dlq", 3)
    assert [decode(letter.headers, letter.value).sequence for letter in letters][:3] == [1, 2, 3]
    told = dict(letters[0].headers)
    assert told["dlq_origin_topic"] == b"orders"
    assert told["dlq_consumer"] == b"sample"
    assert told["dlq_error"] == b"Poison: o-1/1"
    assert int(told["dlq_origin_offset"]) >= 0


async def read(bus: Bus, topic: str, at_least: int) -> list[Record]:
    async def nothing() -> None:
        pass

    source = bus.source("letters", [topic], nothing)
    await source.start()
    found: list[Record] = []

    async def enough() -> bool:
        found.extend(await source.poll(0.2, 500))
        return len(found) >= at_least

    try:
        await eventually(enough, 20)
    finally:
        await source.stop()
    return found


async def test_transient_errors_are_tried_again_in_place_until_they_pass(database: Database, bus: Bus) -> None:
    left = 6

    def stumble() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise ConnectionError("the database is away")

    events = order_events(keys=4, each=10)
    await send(bus, events)
    async with running(consumer(database, bus, SampleHandler(before=stumble)).run):
        await eventually(lambda: is_applied(database, events), 30)
    assert await count(database, "parked_key") == 0


async def test_a_consumer_that_waits_for_the_database_can_be_stopped(database: Database) -> None:
    bus = InMemoryBus()
    failed = asyncio.Event()

    def always() -> None:
        failed.set()
        raise ConnectionError("away for good")

    await send(bus, order_events(1, 1))
    async with running(consumer(database, bus, SampleHandler(before=always)).run, within=5):
        await failed.wait()
    assert not bus.committed


async def test_when_everything_fails_the_consumer_stops_instead_of_parking_all(database: Database) -> None:
    bus = InMemoryBus()
    await send(bus, order_events(keys=100, each=1))
    under_test = consumer(database, bus, SampleHandler(dislikes=lambda event: True))
    with pytest.raises(TooManyParked, match="20 events in a row"):
        await asyncio.wait_for(under_test.run(asyncio.Event()), 60)
    assert under_test.stopped_because is not None
    assert await count(database, "parked_key") == 20
    assert not bus.committed, "what was not handled is not lost"


async def test_more_than_one_in_twenty_failing_stops_the_consumer(database: Database) -> None:
    bus = InMemoryBus()
    await send(bus, order_events(keys=700, each=1))
    handler = SampleHandler(dislikes=lambda event: int(event.key.removeprefix("o-")) % 15 == 0)
    with pytest.raises(TooManyParked, match="of the last"):
        await asyncio.wait_for(consumer(database, bus, handler).run(asyncio.Event()), 120)
    assert 20 <= await count(database, "parked_key") < 47


async def test_an_event_names_its_cause_when_it_was_handled_alone(database: Database) -> None:
    bus = InMemoryBus()
    event = replace(order_event("o", 1), traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    async with running(consumer(database, bus).run, Relay(database, bus.producer).run):
        await send(bus, [event])
        await eventually(lambda: len(bus.records("allocations")) == 1)
    answer = decode(bus.records("allocations")[0].headers, bus.records("allocations")[0].value)
    assert (answer.causation_id, answer.key) == (event.id, event.key)
    assert answer.traceparent is not None
    assert answer.traceparent.split("-")[1] == "a" * 32, "the trace goes on"


@pytest.mark.parametrize("members", [2, 3])
async def test_members_come_and_go_and_every_event_is_applied_once_in_order(
    database: Database, bus: Bus, members: int
) -> None:
    events = order_events(keys=30, each=60)
    third = len(events) // 3
    await send(bus, events[:third])
    handlers = [SampleHandler() for _ in range(members)]
    async with running(*(consumer(database, bus, handler).run for handler in handlers)):

        async def all_work() -> bool:
            await send(bus, [order_event(f"probe-{random.random()}", 1, name="OrderAmended") for _ in range(6)])
            return all(handler.batches for handler in handlers)

        async with running(consumer(database, bus).run):
            await send(bus, events[third : 2 * third])
        await eventually(all_work, 30, every=0.2)
        await send(bus, events[2 * third :])

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
