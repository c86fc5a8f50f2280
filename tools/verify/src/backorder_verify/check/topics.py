"""Reads whole topics: which records they hold, and how far consumer groups are behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from backorder_local.topics import CONSUMED
from service_kit.messaging.decoding import event_id_of
from service_kit.messaging.event_log import Record
from service_kit.messaging.kafka_batches import read_every_record

_READ_TIMEOUT_MS = 1_000


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """The position of a record, and the `ce_type` of its event."""

    topic: str
    partition: int
    offset: int
    event: str


async def event_ids(
    bootstrap: str, topic: str, types: frozenset[str], *, prefix: str = "", since: datetime | None = None
) -> dict[str, RecordPlace]:
    """Event id → position of its record, for all records of the given `ce_type`s that the topic holds now.

    Records written before `since` are left out. `topic` begins with `prefix`. Whatever else stands in the topic is
    passed over.
    """
    read_every_record()
    oldest = since.timestamp() * 1_000 if since else 0
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=16 * 1024 * 1024,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in await _partitions(bootstrap, topic)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: dict[str, RecordPlace] = {}
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for place, records in (await consumer.getmany(timeout_ms=_READ_TIMEOUT_MS)).items():
                for record in records:
                    kind = (dict(record.headers).get("ce_type") or b"").decode("utf-8", "replace")
                    if kind in types and record.offset < ends[place] and record.timestamp >= oldest:
                        read = Record(
                            topic.removeprefix(prefix), place.partition, record.offset, record.timestamp,
                            record.key, record.value, record.headers,
                        )  # fmt: skip
                        found[event_id_of(read)] = RecordPlace(topic, place.partition, record.offset, kind)
        return found
    finally:
        await consumer.stop()


async def _partitions(bootstrap: str, topic: str) -> list[int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics([topic])
        return sorted(partition["partition"] for partition in described[0]["partitions"])
    finally:
        await admin.close()


@dataclass(frozen=True, slots=True)
class Lag:
    """How many records of a partition a consumer group has not handled."""

    group: str
    topic: str
    partition: int
    records: int


async def lags(bootstrap: str, *, prefix: str = "", groups: Mapping[str, Iterable[str]] = CONSUMED) -> list[Lag]:
    """Every partition on which a group is behind; a group that never committed is behind by all records."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await admin.start()
    await consumer.start()
    try:
        topics = sorted({f"{prefix}{topic}" for read in groups.values() for topic in read})
        places = [
            TopicPartition(described["topic"], partition["partition"])
            for described in await admin.describe_topics(topics)
            for partition in described["partitions"]
        ]
        # Committed offsets are read first: a record that arrives in between then counts as lag, never the reverse.
        committed = {group: await admin.list_consumer_group_offsets(f"{prefix}{group}") for group in groups}
        ends = await consumer.end_offsets(places)
        begins = await consumer.beginning_offsets(places)
    finally:
        await consumer.stop()
        await admin.close()
    behind: list[Lag] = []
    for group, read in groups.items():
        read_topics = {f"{prefix}{topic}" for topic in read}
        for place in places:
            if place.topic not in read_topics:
                continue
            kept = committed[group].get(place)
            handled = kept.offset if kept is not None and kept.offset >= 0 else begins[place]
            if ends[place] > handled:
                behind.append(Lag(group, place.topic, place.partition, ends[place] - handled))
    return behind
