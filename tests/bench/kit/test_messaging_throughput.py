"""How fast events go: outbox, relay, consumer, and all together. Prints figures; fails only if events are missing."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from service_kit.consumer import Consumer
from service_kit.database import Database
from service_kit.kafka import ClientTiming
from service_kit.outbox import Relay, publish
from service_kit.testing.eventually import eventually
from service_kit.testing.fixtures import ServiceDatabase
from service_kit.testing.running import running
from service_kit.testing.sample.service import GROUP, count, order_events, subscription
from service_kit.testing.topics import KafkaTopics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

EVENTS = 20_000
PRODUCTION = ClientTiming()


async def timed(what: str, done: Callable[[], Awaitable[None]], events: int = EVENTS) -> None:
    began = time.perf_counter()
    await done()
    seconds = time.perf_counter() - began
    print(f"\n{what:<55}{events / seconds:>9,.0f}/s", end="")  # noqa: T201


async def rows(database: Database, table: str, wanted: int) -> None:
    async def reached() -> bool:
        return await count(database, table) == wanted

    await eventually(reached, 120, every=0.05)


async def test_events_per_second(service_database: ServiceDatabase, kafka_topics: KafkaTopics) -> None:
    database = await service_database("service_kit.testing.sample")
    bus = kafka_topics.bus(PRODUCTION)
    events = order_events(keys=500, each=EVENTS // 500)
    consumer = Consumer(database, kafka_topics, subscription(), GROUP, bus=bus)

    async def store() -> None:
        for start in range(0, EVENTS, 200):
            async with database.transaction() as conn:
                await publish(conn, events[start : start + 200])

    await timed("stored in the outbox, 200 a transaction", store)
    async with running(Relay(database, bus.producer).run):
        await timed("relayed to Kafka", lambda: rows(database, "outbox", 0))
    async with running(consumer.run):
        await timed("consumed: inbox, row, answer in the outbox", lambda: rows(database, "applied", EVENTS))
    async with running(Relay(database, bus.producer).run):
        await rows(database, "outbox", 0)

    more = order_events(keys=500, each=EVENTS // 500, prefix="more")

    async def all_together() -> None:
        async def feed() -> None:
            for start in range(0, EVENTS, 200):
                async with database.transaction() as conn:
                    await publish(conn, more[start : start + 200])

        await asyncio.gather(feed(), rows(database, "applied", 2 * EVENTS))
        await rows(database, "outbox", 0)

    async with running(consumer.run, Relay(database, bus.producer).run):
        # Each event crosses the outbox twice: as itself and as its answer.
        await timed("stored, relayed, consumed, answered, relayed at once", all_together)
