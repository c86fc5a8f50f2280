"""Whole batches of records: they go where single ones go, in order, and none is acknowledged that has not arrived."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import KafkaError

from service_kit.messaging.event_log import EventLog, Outbound
from service_kit.testing.log import read_topic
from service_kit.testing.topics import KafkaTopics

KEYS = [f"key-{number}".encode() for number in range(40)]


def identified(number: int) -> list[tuple[str, bytes]]:
    return [("ce_id", f"id-{number}-ü".encode()), ("empty", b"")]


@asynccontextmanager
async def started(bus: EventLog):
    producer = bus.producer()
    await producer.start()
    try:
        yield producer
    finally:
        await producer.abandon()


async def test_a_batch_sends_each_key_to_the_partition_that_a_single_record_goes_to(kafka_topics: KafkaTopics) -> None:
    bus = kafka_topics.event_log()
    async with started(bus) as producer:
        for number, key in enumerate(KEYS):
            await (await producer.send("orders", key, b"alone", identified(number)))
        batch = [Outbound("orders", key, b"batch", identified(number)) for number, key in enumerate(KEYS, len(KEYS))]
        await asyncio.gather(*await producer.send_all(batch))
    partitions = defaultdict(set)
    for record in await read_topic(bus, "orders", 2 * len(KEYS)):
        partitions[record.key].add(record.partition)
    assert set(partitions) == set(KEYS)
    assert all(len(those) == 1 for those in partitions.values())
    assert len({one for those in partitions.values() for one in those}) == 3, "the keys are spread"


async def test_more_than_a_partition_takes_at_once_arrives_in_order(kafka_topics: KafkaTopics) -> None:
    # Fifteen times what one batch holds, for two topics by turns.
    records = [
        Outbound(topic, KEYS[number % 3], f"{number:05}".encode() * 400, identified(number))
        for number in range(1_000)
        for topic in ("orders", "inventory")
    ]
    bus = kafka_topics.event_log()
    async with started(bus) as producer:
        await asyncio.gather(*await producer.send_all(records))
    for topic in ("orders", "inventory"):
        found = await read_topic(bus, topic, 1_000)
        assert len(found) == 1_000
        for key in KEYS[:3]:
            of_key = [(record.value, list(record.headers)) for record in found if record.key == key]
            assert of_key == [(one.value, one.headers) for one in records if one.topic == topic and one.key == key]


async def test_a_record_that_no_batch_holds_goes_alone_and_what_the_broker_refuses_is_told(
    kafka_topics: KafkaTopics,
) -> None:
    bus = kafka_topics.event_log()
    fitting = [Outbound("orders", KEYS[0], b"x" * size, identified(size)) for size in (1, 300_000, 2)]
    async with started(bus) as producer:
        await asyncio.gather(*await producer.send_all(fitting))
        with pytest.raises(KafkaError):
            await asyncio.gather(*await producer.send_all([Outbound("orders", KEYS[0], b"x" * 2_000_000, [])]))
    assert [len(record.value or b"") for record in await read_topic(bus, "orders", 3)] == [1, 300_000, 2]


async def test_nothing_to_send_is_sent_at_once(bus: EventLog) -> None:
    async with started(bus) as producer:
        assert not await producer.send_all([])
