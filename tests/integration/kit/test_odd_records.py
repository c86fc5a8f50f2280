"""Thousands of records that nobody should write, through the real broker, among healthy events."""

import asyncio
import os
import random

import pytest
from aiokafka import AIOKafkaProducer

from event_contracts import Event
from service_kit.messaging.consumer import Consumer
from service_kit.messaging.event_log import EventLog
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.odd_records import odd_records
from service_kit.testing.running import running
from service_kit.testing.sample.service import GROUP, applied, expected, order_event, order_events, subscription
from service_kit.testing.topics import KafkaTopics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

SEED = int(os.environ.get("BACKORDER_SEED", "1"))
ODD = 3_000


def odd_one(choice: random.Random) -> Event:
    return order_event(f"odd-{choice.randrange(200)}", choice.randrange(1, 9))


@pytest.mark.timeout(300)
async def test_all_healthy_events_are_handled_whatever_stands_between_them(
    database: Database, kafka_log: EventLog, kafka_topics: KafkaTopics
) -> None:
    print(f"BACKORDER_SEED={SEED}")  # noqa: T201 - shown when the test fails
    choice = random.Random(SEED)
    healthy = order_events(keys=20, each=15)
    pending = list(healthy)
    topic = kafka_topics.topic_prefix + "orders"
    producers = [
        AIOKafkaProducer(bootstrap_servers=kafka_topics.kafka_bootstrap, compression_type=codec)
        for codec in (None, "gzip", "snappy", "lz4", "zstd")
    ]
    for producer in producers:
        await producer.start()
    sent = []
    for number, (key, value, headers) in enumerate(odd_records(SEED, odd_one, ODD)):
        # On any partition, whatever the key says.
        producer = choice.choice(producers)
        partition = choice.randrange(3)
        if key is not None or value is not None:  # this client sends no record without either
            sent.append(await producer.send(topic, value, key, partition=partition, headers=list(headers)))
        if number % (ODD // len(healthy)) == 0 and pending:
            event = pending.pop(0)
            # One producer for these, so that the events of a key stay in order.
            sent.append(await producers[0].send(topic, event.value(), event.key.encode(), headers=event.headers()))
    assert not pending
    ends = [order_event(f"end-{partition}", 1) for partition in range(3)]
    for partition, end in enumerate(ends):
        sent.append(
            await producers[0].send(topic, end.value(), end.key.encode(), partition=partition, headers=end.headers())
        )
    await asyncio.gather(*sent)
    for producer in producers:
        await producer.stop()
    under_test = Consumer(database, kafka_topics, subscription(), GROUP, event_log=kafka_log)

    async def all_handled() -> bool:
        found = await applied(database)
        wanted = expected([*healthy, *ends])
        return {key: found.get(key) for key in wanted} == wanted

    async with running(under_test.run):
        await eventually(all_handled, 250, every=0.5)
    assert under_test.stopped_because is None


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_events_are_read_whatever_a_producer_packs_them_with(
    database: Database, kafka_log: EventLog, kafka_topics: KafkaTopics, codec: str
) -> None:
    events = order_events(keys=3, each=5)
    producer = AIOKafkaProducer(bootstrap_servers=kafka_topics.kafka_bootstrap, compression_type=codec)
    await producer.start()
    for event in events:
        topic = kafka_topics.topic_prefix + "orders"
        await producer.send_and_wait(topic, event.value(), event.key.encode(), headers=event.headers())
    await producer.stop()

    async def all_handled() -> bool:
        return await applied(database) == expected(events)

    async with running(Consumer(database, kafka_topics, subscription(), GROUP, event_log=kafka_log).run):
        await eventually(all_handled, 30)
