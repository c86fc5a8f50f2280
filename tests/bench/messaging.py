"""Events a second: the relay and the consumer each against its client library alone, and both together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer
from sqlalchemy import text
from tests.bench.assortment import allocation_handler, on_sale, orders_over, sku_names, tell
from tests.bench.figures import Measured, Row, at_least
from tests.bench.ground import Ground
from tests.bench.registry import REGISTRY
from tests.bench.workers import PRODUCTION, drain, is_empty, produce

from allocation_service.application.session.integration_events import ORDER_EVENTS
from event_contracts import Event, Topic
from service_kit.messaging.consumer import Consumer
from service_kit.messaging.outbox import publish
from service_kit.messaging.relay import Relay
from service_kit.messaging.subscription import Subscription
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.running import running
from service_kit.testing.topics import KafkaTopics

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

EVENTS = 10_000
ROUNDS = 3
SKUS = sku_names(400)


@REGISTRY.measures(
    Row(
        "relay",
        "outbox rows read, sent, acknowledged, deleted; floor: the same records produced, 500 a time, acks awaited",
        "events/s",
    )
)
async def relay(ground: Ground) -> Mapping[str, Measured]:
    """The real relay in this process, from the first read until the outbox is empty."""
    measured = Measured()
    async with ground.databases() as make, ground.topics() as topics:
        database = await make("allocation_service")
        for _ in range(ROUNDS):
            events = orders_over(SKUS, EVENTS)
            async with database.transaction() as conn:
                await publish(conn, events)
            began = time.perf_counter()
            async with running(Relay(database, topics.event_log(PRODUCTION).producer).run):
                await eventually(lambda: is_empty(database), 120, every=0.01)
                seconds = time.perf_counter() - began
            measured.add(EVENTS / seconds, EVENTS / await produce(topics, events))
    return {"relay": measured}


@REGISTRY.measures(
    Row(
        "consumer",
        "OrderPlaced of two lines: decoded, inbox, real allocation handler, outbox, commit, offset commit;"
        " floor: the same records consumed, offsets committed a poll",
        "events/s",
    )
)
async def consumer(ground: Ground) -> Mapping[str, Measured]:
    """The real consumer in this process, from its first batch until the last is committed."""
    measured = Measured()
    async with ground.databases() as make, ground.topics() as topics:
        database = await make("allocation_service")
        await tell(database, allocation_handler(database), on_sale(SKUS, on_hand=100))
        for number in range(ROUNDS):
            await produce(topics, orders_over(SKUS, EVENTS))
            ours = await _consume(database, topics, (number + 1) * EVENTS)
            measured.add(EVENTS / ours, EVENTS / await _poll_only(topics))
    return {"consumer": measured}


@REGISTRY.measures(
    Row(
        "relay-and-consumer",
        "one allocation worker (a process, role worker) decides a backlog of OrderPlaced and relays its answers",
        "events/s",
        at_least(5_000, of="value"),
    )
)
async def relay_and_consumer(ground: Ground) -> Mapping[str, Measured]:
    """Each event is consumed once and answered once; done when the last answer has left the outbox."""
    measured = Measured()
    async with ground.databases() as make, ground.topics() as topics:
        database = await make("allocation_service")
        await tell(database, allocation_handler(database), on_sale(SKUS, on_hand=100))
        async with ground.service("allocation", database, topics, role="worker") as worker:
            processes = {"worker": [worker.process], **ground.server_processes()}
            await drain(database, topics, orders_over(SKUS, 1_000), processes)
            for _ in range(ROUNDS):
                went = await drain(database, topics, orders_over(SKUS, EVENTS), processes)
                measured.add(EVENTS / went.seconds)
                measured.note = went.cores()
    return {"relay-and-consumer": measured}


async def _consume(database: Database, topics: KafkaTopics, handled: int) -> float:
    handler, began = allocation_handler(database), 0.0

    async def timed(conn: AsyncConnection, events: Sequence[Event]) -> None:
        nonlocal began
        began = began or time.perf_counter()
        await handler(conn, events)

    subscription = Subscription((Topic.ORDERS,), dict.fromkeys(ORDER_EVENTS, timed), lambda conn: conn)
    async with running(
        Consumer(database, topics, subscription, "allocation", event_log=topics.event_log(PRODUCTION)).run
    ):
        await eventually(lambda: _count(database, "inbox", handled), 120, every=0.02)
        return time.perf_counter() - began


async def _poll_only(topics: KafkaTopics) -> float:
    """Seconds to consume what the group of this name has not, from the first records on."""
    client: Any = AIOKafkaConsumer(
        topics.topic_prefix + Topic.ORDERS.value,
        bootstrap_servers=topics.kafka_bootstrap,
        group_id=topics.topic_prefix + "bare",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=500,
    )
    await client.start()
    try:
        taken, began = 0, 0.0
        while taken < EVENTS:
            records = await client.getmany(timeout_ms=500, max_records=500)
            began = began or (time.perf_counter() if records else 0.0)
            taken += sum(map(len, records.values()))
            if records:
                await client.commit()
        return time.perf_counter() - began
    finally:
        await client.stop()


async def _count(database: Database, table: str, wanted: int) -> bool:
    async with database.reading() as conn:
        return int((await conn.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()) >= wanted
