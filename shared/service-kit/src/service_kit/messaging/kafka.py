"""The event log on Kafka: all clients are made here, with settings that were measured and tested under failure."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import Any, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.partitioner import DefaultPartitioner

from service_kit.messaging.event_log import CommitRefused, Headers, OnRevoked, Outbound, Partition, Record
from service_kit.messaging.kafka_batches import UnreadableRecord, read_every_record
from service_kit.messaging.metrics import REBALANCES

STOP_TIMEOUT = 10.0
"""Seconds that a client may take to close; after that it is abandoned."""


class KafkaSettings(Protocol):
    """What is needed to reach the cluster; ``ServiceSettings`` has it."""

    @property
    def kafka_bootstrap(self) -> str:
        """``host:port``, several with commas."""
        ...

    @property
    def kafka_security_protocol(self) -> Any:
        """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
        ...

    @property
    def kafka_sasl_mechanism(self) -> Any:
        """PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
        ...

    @property
    def kafka_sasl_username(self) -> str | None:
        """The principal's name."""
        ...

    @property
    def kafka_sasl_password(self) -> str | None:
        """The principal's password."""
        ...

    @property
    def kafka_ca_path(self) -> Path | None:
        """Certificate authority of the brokers; the system's where None."""
        ...

    @property
    def topic_prefix(self) -> str:
        """Goes before every topic and group."""
        ...


@dataclass(frozen=True)
class ClientTiming:
    """Time-outs of the clients, in milliseconds; tests shorten them so that groups rebalance quickly."""

    session: int = 10_000
    heartbeat: int = 1_000
    rebalance: int = 30_000
    request: int = 20_000
    linger: int = 1
    """The least time between two requests of aiokafka to a broker. It delays the next round of a relay, which forms
    batches itself."""

    @classmethod
    def for_session(cls, seconds: float) -> ClientTiming:
        """A session of this many seconds with ten heartbeats, and all else by default."""
        return cls(session=round(seconds * 1000), heartbeat=round(seconds * 100))


def connection_options(settings: KafkaSettings) -> dict[str, Any]:
    """Where the brokers are and how to sign in, as aiokafka's keyword arguments."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password,
        }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_ca_path)
    return options


class KafkaEventLog:
    """The event log of the cluster that the settings name."""

    def __init__(self, settings: KafkaSettings, timing: ClientTiming | None = None) -> None:
        self._settings = settings
        self._timing = timing or ClientTiming()

    def producer(self) -> KafkaProducer:
        """An idempotent producer with acks of all replicas, not yet started."""
        return KafkaProducer(self._settings, self._timing)

    def source(self, group: str, topics: Sequence[str], on_revoked: OnRevoked) -> KafkaSource:
        """A member of ``group``, not yet started."""
        return KafkaSource(self._settings, self._timing, group, topics, on_revoked)


class KafkaProducer:
    """aiokafka's producer, with a way to end it without sending anything more."""

    def __init__(self, settings: KafkaSettings, timing: ClientTiming) -> None:
        self._options = connection_options(settings) | {
            "acks": "all",
            "enable_idempotence": True,
            "max_batch_size": 131_072,
            "linger_ms": timing.linger,
            "request_timeout_ms": timing.request,
        }
        self._prefix = settings.topic_prefix
        self._client: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect; KafkaConnectionError when no broker answers."""
        self._client = AIOKafkaProducer(**self._options)
        try:
            await asyncio.wait_for(self._client.start(), STOP_TIMEOUT)
        except BaseException:
            await self.abandon()
            raise

    async def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Awaitable[object]:
        """Queue one record; waits only while the buffer of its partition is full."""
        sent: Awaitable[object] = await _started(self._client).send(
            self._prefix + topic, value, key=key, headers=headers
        )
        return sent

    async def send_all(self, records: Sequence[Outbound]) -> Sequence[Awaitable[object]]:
        """Queue records as whole batches, one for each partition (more if they exceed 128 KB).

        A record on its own costs aiokafka three times as much processor time, most of it for a future of its own.
        """
        client = _started(self._client)
        partitions = {
            topic: sorted(await client.partitions_for(self._prefix + topic)) for topic in {one.topic for one in records}
        }
        sent: list[asyncio.Future[object]] = []
        filling: dict[tuple[str, int], Any] = {}

        async def hand_over(topic: str, partition: int, batch: Any) -> None:
            batch.close()
            sent.append(await client.send_batch(batch, self._prefix + topic, partition=partition))

        try:
            for topic, key, value, headers in records:
                place = topic, _partition_of(key, partitions[topic], ())
                batch = filling.get(place)
                if batch is not None and _added(batch, key, value, headers):
                    continue
                if batch is not None:
                    await hand_over(*place, batch)
                filling[place] = client.create_batch()
                _added(filling[place], key, value, headers)
            for place, batch in filling.items():
                await hand_over(*place, batch)
        except BaseException:
            for future in sent:
                future.cancel()
            raise
        return sent

    async def stop(self) -> None:
        """Flush and disconnect, within the time limit."""
        if self._client is not None:
            with suppress(TimeoutError, KafkaError):
                await asyncio.wait_for(self._client.stop(), STOP_TIMEOUT)
            await self.abandon()

    async def abandon(self) -> None:
        """Disconnect without the flush that aiokafka's ``stop`` does.

        If an earlier record was given up, a queued one that still arrived would overtake it.
        """
        client, self._client = self._client, None
        if client is None:
            return
        client._closed = True
        sender = client._sender.sender_task if client._sender is not None else None
        if sender is not None and not sender.done():
            sender.cancel()
            await asyncio.wait([sender], timeout=STOP_TIMEOUT)
        with suppress(TimeoutError, Exception):
            await asyncio.wait_for(client.client.close(), STOP_TIMEOUT)


def _record(topic: str, read: Any) -> Record:
    fault = read.fault or None if type(read) is UnreadableRecord else None
    return Record(topic, read.partition, read.offset, read.timestamp, read.key, read.value, read.headers, fault)


_partition_of = DefaultPartitioner()
"""Chooses the partition of a key as ``send`` does, which is the default of the Java client too."""


def _added(batch: Any, key: bytes | None, value: bytes | None, headers: Headers) -> bool:
    """Whether the batch had room for the record; an empty batch always has."""
    return batch.append(timestamp=None, key=key, value=value, headers=headers) is not None


Client = TypeVar("Client")


def _started(client: Client | None) -> Client:
    if client is None:
        raise RuntimeError("start() must be called first")
    return client


class KafkaSource(ConsumerRebalanceListener):
    """A group member on aiokafka; offsets are committed by hand only."""

    def __init__(
        self, settings: KafkaSettings, timing: ClientTiming, group: str, topics: Sequence[str], on_revoked: OnRevoked
    ) -> None:
        self._prefix = settings.topic_prefix
        self._group = group
        self._topics = [self._prefix + topic for topic in topics]
        self._on_revoked = on_revoked
        self._next: dict[TopicPartition, int] = {}
        self._options = connection_options(settings) | {
            "group_id": self._prefix + group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            # Fetched records wait in memory for a poll. A record that is larger is still fetched, alone.
            "fetch_max_bytes": 512 * 1024,
            "max_partition_fetch_bytes": 128 * 1024,
            "max_poll_records": 500,
            "rebalance_timeout_ms": timing.rebalance,
            "session_timeout_ms": timing.session,
            "heartbeat_interval_ms": timing.heartbeat,
            "metadata_max_age_ms": 60_000,
        }
        self._client: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect and subscribe; the group is joined in the background.

        TimeoutError after 30 s, as for a topic that does not exist.
        """
        read_every_record()
        self._client = AIOKafkaConsumer(**self._options)
        self._client.subscribe(self._topics, listener=self)
        await asyncio.wait_for(self._client.start(), 3 * STOP_TIMEOUT)

    async def poll(self, timeout: float, max_records: int) -> list[Record]:
        """The next records; those of several partitions are merged by time, to keep topics roughly in order."""
        taken = await _started(self._client).getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
        cut = len(self._prefix)
        runs = []
        for partition, records in taken.items():
            self._next[partition] = records[-1].offset + 1
            topic = partition.topic[cut:]
            runs.append([_record(topic, one) for one in records])
        return runs[0] if len(runs) == 1 else list(merge(*runs, key=lambda record: record.timestamp))

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Store the offsets of partitions that are still assigned; others are ignored."""
        client = _started(self._client)
        held = client.assignment()
        wanted = {TopicPartition(self._prefix + topic, number): offset for (topic, number), offset in offsets.items()}
        kept = {partition: offset for partition, offset in wanted.items() if partition in held}
        if not kept:
            return
        try:
            await asyncio.wait_for(client.commit(kept), STOP_TIMEOUT)
        except (KafkaError, IllegalStateError, ValueError, TimeoutError) as error:
            raise CommitRefused(repr(error)) from error

    def lag(self) -> int | None:
        """The log's end less what was polled, summed over the partitions whose end is known from a fetch."""
        if self._client is None:
            return None
        total, known = 0, False
        for partition in self._client.assignment():
            end = self._client.highwater(partition)
            position = self._next.get(partition)
            if position is None:
                state = self._client._subscription.subscription.assignment.state_value(partition)
                position = state.position if state is not None and state.has_valid_position else None
            if end is not None and position is not None:
                total, known = total + max(0, end - position), True
        return total if known else None

    async def stop(self) -> None:
        """Leave the group and disconnect, within the time limit."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(TimeoutError, KafkaError):
                await asyncio.wait_for(client.stop(), STOP_TIMEOUT)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by aiokafka before it joins again."""
        if revoked:
            await self._on_revoked()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by aiokafka when it has joined."""
        REBALANCES.labels(self._group).inc()
        self._next.clear()
