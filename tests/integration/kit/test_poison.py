"""Events that cannot be handled: parked with their key, shown, replayed or discarded; all others flow."""

import asyncio
import dataclasses
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from event_contracts import EVENT_TYPES, Event, catalog
from event_contracts.envelope import decode
from service_kit.messaging.batch_processor import TooManyParked
from service_kit.messaging.consumer import Consumer
from service_kit.messaging.event_log import EventLog
from service_kit.messaging.header_packing import unpack_headers
from service_kit.messaging.metrics import EVENTS, PARKED_KEYS
from service_kit.messaging.parking import ParkingLot
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.in_memory_event_log import InMemoryEventLog
from service_kit.testing.log import read_topic, send_events, send_record
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
    return Consumer(database, new_topics("unused:1"), subscription(handler), group, event_log=bus, longest_pause=0.01)


async def is_applied(database: Database, events: Sequence[Event]) -> bool:
    return await applied(database) == expected(events)


async def test_a_poisonous_event_parks_its_key_and_all_others_flow(database: Database, bus: EventLog) -> None:
    events = order_events(keys=8, each=12)
    handler = SampleHandler(dislikes=lambda event: event.key == "o-3" and event.sequence == 5)
    await send_events(bus, events)
    flowing = [event for event in events if event.key != "o-3" or event.sequence < 5]
    shown = PARKED_KEYS.labels(GROUP)._value.get()
    async with running(consumer(database, bus, handler).run):
        await eventually(lambda: is_applied(database, flowing), 20)
        later = [order_event("o-3", 13), order_event("o-4", 13)]
        await send_events(bus, later)
        await eventually(lambda: is_applied(database, [*flowing, later[1]]), 20)

        async def behind() -> bool:
            return await count(database, "parked_event") == 12 - 4 + 1

        await eventually(behind)
    assert PARKED_KEYS.labels(GROUP)._value.get() == shown + 1
    tries = [batch for batch in handler.batches if [(e.key, e.sequence) for e in batch] == [("o-3", 5)]]
    assert len(tries) == 3
    [parked] = await ParkingLot(database, GROUP, subscription(handler).handle).list_keys()
    assert (parked.topic, parked.key, parked.events, parked.event_name) == ("orders", "o-3", 9, "OrderPlaced")
    assert "Poison: o-3/5" in parked.error


async def test_replaying_a_key_applies_its_events_in_order_and_frees_it(database: Database, bus: EventLog) -> None:
    events = order_events(keys=3, each=300)
    broken = True
    handler = SampleHandler(dislikes=lambda event: broken and event.key == "o-1" and event.sequence == 2)
    await send_events(bus, events)
    lot = ParkingLot(database, GROUP, subscription(handler).handle)
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
        await send_events(bus, [later])
        await eventually(lambda: is_applied(database, [*events, later]), 20)
    assert await count(database, "parked_key") == 0
    assert await count(database, "outbox") == len(events) + 1


async def test_replay_stops_at_the_next_event_that_fails_and_keeps_what_it_did(database: Database) -> None:
    bus = InMemoryEventLog()
    events = order_events(keys=1, each=50)
    broken = {3, 40}
    handler = SampleHandler(dislikes=lambda event: event.sequence in broken)
    await send_events(bus, events)
    async with running(consumer(database, bus, handler).run):

        async def parked() -> bool:
            return await count(database, "parked_event") == 48

        await eventually(parked)
    broken.remove(3)
    lot = ParkingLot(database, GROUP, subscription(handler).handle)
    told = await lot.replay("orders", "o-0")
    assert (told.replayed, told.remaining) == (37, 11)
    assert await applied(database) == {"o-0": list(range(1, 40))}
    [event] = [event for event in events if event.sequence == 40]
    assert await lot.discard("orders", "o-0", event.id) == 1
    assert (await lot.replay("orders", "o-0")).error is None
    assert await applied(database) == {"o-0": [*range(1, 40), *range(41, 51)]}


async def test_what_was_discarded_stays_so_when_it_comes_again(database: Database) -> None:
    bus = InMemoryEventLog()
    events = order_events(keys=2, each=3)
    handler = SampleHandler(dislikes=lambda event: event.key == "o-0" and event.sequence == 2)
    await send_events(bus, events)
    lot = ParkingLot(database, GROUP, subscription(handler).handle)
    async with running(consumer(database, bus, handler).run):

        async def parked() -> bool:
            return await count(database, "parked_event") == 2

        await eventually(parked)
        assert await lot.discard("orders", "o-0") == 2
        assert await count(database, "parked_key") == 0
        await send_events(bus, events)
        marker = order_event("o-0", 4)
        await send_events(bus, [marker])
        await eventually(lambda: last_of(database, "o-0", 4))
    assert (await applied(database))["o-0"] == [1, 4]
    assert await count(database, "parked_key") == 0


async def last_of(database: Database, key: str, sequence: int) -> bool:
    return (await applied(database)).get(key, [0])[-1] == sequence


async def test_unreadable_records_are_parked_and_never_block(database: Database, bus: EventLog) -> None:
    good = order_event("good", 1)
    headers = good.headers()
    await send_record(bus, b"k1", b"{not json", [(k, b"k1" if k == "ce_partitionkey" else v) for k, v in headers])
    await send_record(bus, b"k2", b"{}", [])
    await send_record(bus, b"", b"\x00\xff", [("ce_id", b"x\x00y"), ("junk", b"\x00\xfe")])
    await send_record(bus, b"long" * 100, b"{}", [("ce_id", b"i" * 5000)])
    await send_events(bus, [good])
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, [good]), 20)

        async def parked() -> bool:
            return await count(database, "parked_event") == 4

        await eventually(parked)
    keys = {
        parked.key for parked in await ParkingLot(database, GROUP, subscription(SampleHandler()).handle).list_keys()
    }
    assert {"k1", "k2"} <= keys
    assert all(key in ("k1", "k2") or key.startswith("orders-") for key in keys), "partition and offset name the rest"
    async with database.reading() as conn:
        packed = (await conn.execute(text("SELECT headers FROM parked_event WHERE value = '\\x00ff'"))).scalar_one()
    assert unpack_headers(packed)[-1] == ("junk", b"\x00\xfe"), "the record is kept byte for byte"


async def test_parked_events_appear_on_the_dead_letter_topic_with_origin_and_error(
    database: Database, bus: EventLog
) -> None:
    events = order_events(keys=2, each=3)
    handler = SampleHandler(dislikes=lambda event: event.key == "o-1")
    await send_events(bus, events)
    under_test = consumer(database, bus, handler)
    async with running(under_test.run, under_test.dead_letters.run):

        async def all_mirrored() -> bool:
            async with database.reading() as conn:
                sql = "SELECT count(*) FILTER (WHERE mirrored), count(*) FROM parked_event"
                return tuple((await conn.execute(text(sql))).one()) == (3, 3)

        await eventually(all_mirrored, 20)
    letters = await read_topic(bus, "orders.sample.dlq", 3)
    assert [decode(letter.headers, letter.value).sequence for letter in letters][:3] == [1, 2, 3]
    told = dict(letters[0].headers)
    assert told["dlq_origin_topic"] == b"orders"
    assert told["dlq_consumer"] == b"sample"
    assert told["dlq_error"] == b"Poison: o-1/1"
    assert int(told["dlq_origin_offset"] or b"-1") >= 0


async def test_when_everything_fails_the_consumer_stops_instead_of_parking_all(database: Database) -> None:
    bus = InMemoryEventLog()
    await send_events(bus, order_events(keys=100, each=1))
    under_test = consumer(database, bus, SampleHandler(dislikes=lambda event: True))
    with pytest.raises(TooManyParked, match="20 keys in a row"):
        await asyncio.wait_for(under_test.run(asyncio.Event()), 60)
    assert under_test.stopped_because is not None
    assert await count(database, "parked_key") == 20
    assert not bus.committed, "what was not handled is not lost"


async def test_more_than_one_in_twenty_failing_stops_the_consumer(database: Database) -> None:
    bus = InMemoryEventLog()
    await send_events(bus, order_events(keys=700, each=1))
    handler = SampleHandler(dislikes=lambda event: int(event.key.removeprefix("o-")) % 15 == 0)
    with pytest.raises(TooManyParked, match="among the last"):
        await asyncio.wait_for(consumer(database, bus, handler).run(asyncio.Event()), 120)
    assert 20 <= await count(database, "parked_key") < 47


async def test_malformed_records_of_one_key_are_one_parked_key_and_no_reason_to_stop(database: Database) -> None:
    bus = InMemoryEventLog()
    for number in range(60):
        await send_record(bus, b"bad", b"{", [("ce_id", f"bad-{number}".encode())])
    good = order_events(keys=5, each=3)
    await send_events(bus, good)
    under_test = consumer(database, bus)
    async with running(under_test.run):
        await eventually(lambda: is_applied(database, good), 20)

        async def all_parked() -> bool:
            return await count(database, "parked_event") == 60

        await eventually(all_parked, 20)
    assert await count(database, "parked_key") == 1
    assert under_test.stopped_because is None


async def test_unreadable_records_of_any_number_of_keys_are_no_reason_to_stop(database: Database) -> None:
    bus = InMemoryEventLog()
    for number in range(50):
        await send_record(bus, b"bad-%d" % number, b"{", [("ce_id", b"%d" % number)])
    good = order_events(keys=5, each=3)
    await send_events(bus, good)
    under_test = consumer(database, bus)
    async with running(under_test.run):
        await eventually(lambda: is_applied(database, good), 20)

        async def all_parked() -> bool:
            return await count(database, "parked_key") == 50

        await eventually(all_parked, 20)
    assert under_test.stopped_because is None


async def test_many_events_of_one_key_that_fail_one_after_the_other_count_once(database: Database) -> None:
    bus = InMemoryEventLog()
    handler = SampleHandler(dislikes=lambda event: event.key == "o-0")
    lot = ParkingLot(database, GROUP, subscription(handler).handle)
    under_test = consumer(database, bus, handler)
    async with running(under_test.run):
        for number in range(1, 26):
            await send_events(bus, [order_event("o-0", number)])

            async def waits(number: int = number) -> bool:
                return await count(database, "parked_event") == number

            await eventually(waits, 20)
        await lot.discard("orders", "o-0")
        healthy = order_event("o-1", 1)
        await send_events(bus, [healthy])
        await eventually(lambda: is_applied(database, [healthy]), 20)
    assert under_test.stopped_because is None


async def test_a_newer_version_of_an_event_parks_its_key_until_an_upgrade_replays_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = InMemoryEventLog()
    newer, later, other = order_event("o-1", 1), order_event("o-1", 2), order_event("o-2", 1)
    headers = [(k, b"backorder.OrderPlaced.v2" if k == "ce_type" else v) for k, v in newer.headers()]
    before = EVENTS.labels(GROUP, "OrderPlaced", "other_version")._value.get()
    await send_record(bus, b"o-1", newer.value(), headers)
    await send_events(bus, [later, other])
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, [other]), 20)

        async def both_parked() -> bool:
            return await count(database, "parked_event") == 2

        await eventually(both_parked, 20)
    assert EVENTS.labels(GROUP, "OrderPlaced", "other_version")._value.get() == before + 1
    lot = ParkingLot(database, GROUP, subscription().handle)
    assert "backorder.OrderPlaced.v1" in ((await lot.replay("orders", "o-1")).error or "")
    upgraded = dataclasses.replace(EVENT_TYPES["OrderPlaced"], version=2)
    monkeypatch.setitem(catalog._BY_CE_TYPE, upgraded.ce_type, upgraded)
    told = await lot.replay("orders", "o-1")
    assert (told.replayed, told.remaining, told.error) == (2, 0, None)
    assert await applied(database) == {"o-1": [1, 2], "o-2": [1]}


async def test_a_type_that_nobody_here_knows_is_counted_and_passed_over(database: Database) -> None:
    bus = InMemoryEventLog()
    before = EVENTS.labels(GROUP, "other", "unknown_type")._value.get()
    await send_record(bus, b"o-1", b"{}", [("ce_type", b"backorder.OrderReturned.v1")])
    good = order_event("o-1", 1)
    await send_events(bus, [good])
    async with running(consumer(database, bus).run):
        await eventually(lambda: is_applied(database, [good]), 20)
    assert EVENTS.labels(GROUP, "other", "unknown_type")._value.get() == before + 1
