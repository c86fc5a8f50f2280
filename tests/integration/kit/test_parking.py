"""Parking and draining at once: both hold the key's row, so nothing is orphaned and nothing overtakes."""

import asyncio
import random
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from event_contracts import Event
from service_kit.messaging.batch_processor import BatchProcessor
from service_kit.messaging.decoding import Incoming, read_record
from service_kit.messaging.event_log import Record
from service_kit.messaging.metrics import HANDLER_ERRORS
from service_kit.messaging.parking import ParkingLot
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.sample.service import GROUP, TYPES, SampleHandler, applied, count, order_event, subscription

pytestmark = pytest.mark.postgres


def incoming(event: Event, offset: int) -> Incoming:
    record = Record("orders", 0, offset, 0, event.key.encode(), event.value(), event.headers())
    read = read_record(record, TYPES)
    assert read is not None
    return read


@pytest.mark.parametrize("seed", range(5))
async def test_parking_and_draining_at_the_same_time_lose_and_reorder_nothing(database: Database, seed: int) -> None:
    choice = random.Random(seed)
    sick = True
    handler = SampleHandler(dislikes=lambda event: sick and event.sequence % 20 == 7)
    processor = processor_of(database, handler)
    lot = ParkingLot(database, GROUP, subscription(handler).handle)
    events = [order_event(f"k{n % 2}", n // 2 + 1) for n in range(400)]
    consumed = asyncio.Event()

    async def consume() -> None:
        position = 0
        while position < len(events):
            size = choice.randint(1, 15)
            batch = [incoming(event, position + n) for n, event in enumerate(events[position : position + size])]
            await processor.process(batch, asyncio.Event())
            position += size
        consumed.set()

    async def drain() -> None:
        nonlocal sick
        while not consumed.is_set():
            sick = choice.random() < 0.4
            for key in ("k0", "k1"):
                await lot.replay("orders", key)
            await asyncio.sleep(0)

    await asyncio.gather(consume(), drain(), drain())
    sick = False
    for key in ("k0", "k1"):
        await lot.replay("orders", key)
    assert await applied(database) == {"k0": list(range(1, 201)), "k1": list(range(1, 201))}
    assert await count(database, "parked_event") == await count(database, "parked_key") == 0


def processor_of(database: Database, handler: SampleHandler) -> BatchProcessor:
    return BatchProcessor(database, GROUP, subscription(handler).handle)


async def test_the_consumer_waits_for_a_drain_in_progress_and_then_finds_the_key_free(database: Database) -> None:
    sick = True
    handler = SampleHandler(dislikes=lambda event: sick)
    await processor_of(database, handler).process([incoming(order_event("k", 1), 0)], asyncio.Event())
    sick = False
    draining, go_on = asyncio.Event(), asyncio.Event()

    class SlowHandler(SampleHandler):
        async def __call__(self, uow: SqlUnitOfWork, events: Sequence[Event]) -> None:
            draining.set()
            await go_on.wait()
            await super().__call__(uow, events)

    drain = asyncio.create_task(ParkingLot(database, GROUP, subscription(SlowHandler()).handle).replay("orders", "k"))
    await draining.wait()
    errors = HANDLER_ERRORS.labels(GROUP, "deterministic")._value.get()
    later = incoming(order_event("k", 2), 1)
    consume = asyncio.create_task(processor_of(database, handler).process([later], asyncio.Event()))
    await eventually(lambda: somebody_waits(database))
    assert not consume.done()
    go_on.set()
    await asyncio.gather(drain, consume)
    assert await applied(database) == {"k": [1, 2]}
    assert HANDLER_ERRORS.labels(GROUP, "deterministic")._value.get() == errors, "it waited; it did not run into it"
    assert await count(database, "parked_key") == 0


async def somebody_waits(database: Database) -> bool:
    async with database.reading() as conn:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool((await conn.execute(text(sql))).scalar_one())


async def test_the_same_key_parked_in_two_topics_is_two_keys(database: Database) -> None:
    handler = SampleHandler(dislikes=lambda event: True)
    processor = processor_of(database, handler)
    for topic in ("orders", "allocations"):
        event = order_event("k", 1)
        record = incoming(event, 0).record._replace(topic=topic)
        await processor.process([Incoming(record, event.id, "k", event.name, event)], asyncio.Event())
    lot = ParkingLot(database, GROUP, subscription(handler).handle)
    assert await lot.topics_of("k") == ["allocations", "orders"]
    assert await lot.discard("orders", "k") == 1
    assert await lot.topics_of("k") == ["allocations"]
    assert [key.topic for key in await lot.list_keys(after=("allocations", "j"))] == ["allocations"]
    assert await lot.list_keys(after=("allocations", "k")) == []
