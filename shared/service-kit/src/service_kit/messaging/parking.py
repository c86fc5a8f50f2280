"""Parked keys: an event that cannot be handled waits here, with every later event of its key behind it.

While an event is parked, a record with the same id and another content is a correction of it and takes its place; one
with the same content is the same record again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.messaging.corrections import content_digest, note_discarded, reopen_corrected
from service_kit.messaging.decoding import Incoming, decode_again
from service_kit.messaging.header_packing import pack_headers, unpack_headers
from service_kit.messaging.inbox import claim
from service_kit.messaging.metrics import PARKED_KEYS
from service_kit.messaging.subscription import EventHandler
from service_kit.persistence.database import Database
from service_kit.persistence.storable_error import storable_error
from service_kit.persistence.transient_errors import is_statement_timeout, is_transient

Place = tuple[str, str]
"""Topic and key."""

_LOCK_PLACES = text(
    """
    SELECT topic, key FROM parked_key
    WHERE consumer = :consumer AND (topic, key) IN (SELECT * FROM unnest(:topics, :keys))
    ORDER BY topic, key FOR UPDATE
    """
).bindparams(bindparam("topics", type_=ARRAY(TEXT)), bindparam("keys", type_=ARRAY(TEXT)))

# DO UPDATE, because it locks the row that is there, or waits for its end and makes a new one.
_PARK_KEY = text(
    """
    INSERT INTO parked_key (consumer, topic, key, error) VALUES (:consumer, :topic, :key, :error)
    ON CONFLICT (consumer, topic, key) DO UPDATE SET error = parked_key.error
    RETURNING xmax = 0 AS made
    """
)

_PARK_EVENTS = text(
    """
    INSERT INTO parked_event
        (consumer, topic, key, event_id, event_name, kafka_partition, kafka_offset, record_key, headers, value, error)
    SELECT :consumer, topic, key, event_id, event_name, kafka_partition, kafka_offset, record_key, headers, value, error
    FROM unnest(:topics, :keys, :event_ids, :names, CAST(:partitions AS int[]), CAST(:offsets AS bigint[]),
                :record_keys, :headers, :values, :errors)
         WITH ORDINALITY AS row (topic, key, event_id, event_name, kafka_partition, kafka_offset, record_key, headers,
                                 value, error, position)
    WHERE NOT EXISTS (SELECT FROM inbox WHERE inbox.consumer = :consumer AND inbox.event_id = row.event_id)
    ORDER BY position
    ON CONFLICT (consumer, topic, key, event_id) DO UPDATE SET
        event_name = excluded.event_name, kafka_partition = excluded.kafka_partition,
        kafka_offset = excluded.kafka_offset, record_key = excluded.record_key, headers = excluded.headers,
        value = excluded.value, error = excluded.error, mirrored = false
    WHERE (parked_event.headers, parked_event.value) IS DISTINCT FROM (excluded.headers, excluded.value)
      AND (parked_event.kafka_partition <> excluded.kafka_partition
           OR parked_event.kafka_offset < excluded.kafka_offset)
    """
).bindparams(
    *(bindparam(name, type_=ARRAY(TEXT)) for name in ("topics", "keys", "event_ids", "names", "errors")),
    *(bindparam(name, type_=ARRAY(BYTEA)) for name in ("record_keys", "headers", "values")),
)

_COUNT = text("SELECT count(*) FROM parked_key WHERE consumer = :consumer")

_LOCK_ONE = text("SELECT 1 FROM parked_key WHERE consumer = :consumer AND topic = :topic AND key = :key FOR UPDATE")
_FIRST = text(
    """
    SELECT id, event_id, headers, value FROM parked_event
    WHERE consumer = :consumer AND topic = :topic AND key = :key ORDER BY id LIMIT :limit
    """
)
_DROP = text("DELETE FROM parked_event WHERE id = ANY (CAST(:ids AS bigint[]))")
_UNPARK_IF_EMPTY = text(
    """
    DELETE FROM parked_key WHERE consumer = :consumer AND topic = :topic AND key = :key
    AND NOT EXISTS (SELECT FROM parked_event e WHERE e.consumer = :consumer AND e.topic = :topic AND e.key = :key)
    """
)
_DISCARD = text(
    """
    DELETE FROM parked_event WHERE consumer = :consumer AND topic = :topic AND key = :key
    AND event_id = coalesce(CAST(:event_id AS text), event_id)
    RETURNING event_id, headers, value
    """
)
_SET_ERROR = text("UPDATE parked_key SET error = :error WHERE consumer = :consumer AND topic = :topic AND key = :key")
_LIST = text(
    """
    SELECT k.topic, k.key, k.parked_at, k.error, e.event_id, e.event_name, e.kafka_partition, e.kafka_offset,
           (SELECT count(*) FROM parked_event c
            WHERE c.consumer = k.consumer AND c.topic = k.topic AND c.key = k.key) AS events
    FROM parked_key k
    LEFT JOIN LATERAL (
        SELECT * FROM parked_event f
        WHERE f.consumer = k.consumer AND f.topic = k.topic AND f.key = k.key ORDER BY f.id LIMIT 1
    ) e ON true
    WHERE k.consumer = :consumer AND (k.topic, k.key) > (:after_topic, :after_key)
    ORDER BY k.topic, k.key LIMIT :limit
    """
)
_TOPICS_OF_KEY = text("SELECT topic FROM parked_key WHERE consumer = :consumer AND key = :key ORDER BY topic")


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """One parked key and the first event of it, the one to look at."""

    topic: str
    key: str
    parked_at: datetime
    error: str
    events: int
    event_id: str | None
    event_name: str | None
    partition: int | None
    offset: int | None


@dataclass(frozen=True, slots=True)
class Drained:
    """What a replay did: ``error`` None means that nothing of the key is parked any more."""

    replayed: int
    remaining: int
    error: str | None


async def lock_parked(conn: AsyncConnection, consumer: str, places: Collection[Place]) -> set[Place]:
    """Those of ``places`` that are parked, locked until the transaction ends (waits for a drain to finish)."""
    topics, keys = [topic for topic, _ in places], [key for _, key in places]
    rows = await conn.execute(_LOCK_PLACES, {"consumer": consumer, "topics": topics, "keys": keys})
    return {(row.topic, row.key) for row in rows}


@dataclass(frozen=True, slots=True)
class Parked:
    """What parking did: how many events were added or corrected, and whether the key was free before."""

    added: int
    new_key: bool


async def park(conn: AsyncConnection, consumer: str, incoming: Incoming, error: str) -> Parked:
    """Park an event's key (or find it parked), lock its row, and put the event behind it.

    Parks nothing for an event that was handled or discarded before.
    """
    where = {"consumer": consumer, "topic": incoming.record.topic, "key": incoming.key}
    new_key = bool((await conn.execute(_PARK_KEY, {**where, "error": storable_error(error)})).scalar_one())
    added = await park_events(conn, consumer, [incoming], error)
    await conn.execute(_UNPARK_IF_EMPTY, where)
    return Parked(added, new_key and added > 0)


async def park_events(conn: AsyncConnection, consumer: str, batch: Sequence[Incoming], error: str) -> int:
    """Put events behind their parked keys, whose rows the transaction has locked; how many were new or corrections."""
    if not batch:
        return 0
    await reopen_corrected(conn, consumer, batch)
    # One statement cannot change a row twice. The last record of an id is its correction, at the place of the first.
    batch = list({(incoming.place, incoming.event_id): incoming for incoming in batch}.values())
    result = await conn.execute(
        _PARK_EVENTS,
        {
            "consumer": consumer,
            "topics": [incoming.record.topic for incoming in batch],
            "keys": [incoming.key for incoming in batch],
            "event_ids": [incoming.event_id for incoming in batch],
            "names": [incoming.name for incoming in batch],
            "partitions": [incoming.record.partition for incoming in batch],
            "offsets": [incoming.record.offset for incoming in batch],
            "record_keys": [incoming.record.key for incoming in batch],
            "headers": [pack_headers(incoming.record.headers) for incoming in batch],
            "values": [incoming.record.value for incoming in batch],
            "errors": [storable_error(incoming.error or error) for incoming in batch],
        },
    )
    return int(result.rowcount)


class ParkingLot:
    """An operator's view of one consumer's parked keys: look, replay, discard."""

    def __init__(self, database: Database, consumer: str, handler: EventHandler) -> None:
        self._database = database
        self._consumer = consumer
        self._handler = handler

    async def list_keys(self, limit: int = 50, after: Place = ("", "")) -> list[ParkedKey]:
        """Parked keys in order of topic and key, from behind ``after``."""
        async with self._database.reading() as conn:
            rows = await conn.execute(
                _LIST,
                {"consumer": self._consumer, "limit": limit, "after_topic": after[0], "after_key": after[1]},
            )
            return [
                ParkedKey(
                    row.topic, row.key, row.parked_at, row.error, row.events,
                    row.event_id, row.event_name, row.kafka_partition, row.kafka_offset,
                )
                for row in rows
            ]  # fmt: skip

    async def topics_of(self, key: str) -> list[str]:
        """The topics in which ``key`` is parked."""
        async with self._database.reading() as conn:
            rows = await conn.execute(_TOPICS_OF_KEY, {"consumer": self._consumer, "key": key})
            return list(rows.scalars())

    async def replay(self, topic: str, key: str) -> Drained:
        """Handle the key's events in order, through the consumer's own handler, until none is left or one fails.

        Each step is one transaction which holds the key's row, so that the consumer either finds the
        key parked and queues behind, or finds it free with everything before already applied.
        Transient errors are raised: nothing of the step was done, ask again.
        """
        replayed, size = 0, 100
        error: str | None = None
        while True:
            try:
                step = await self._replay_step(topic, key, size)
            except Exception as failure:
                if is_transient(failure) and not (size > 1 and is_statement_timeout(failure)):
                    raise
                if size == 1:
                    error = storable_error(failure)
                    break
                size = max(1, size // 5)
                continue
            replayed += step
            if step == 0:
                break
        async with self._database.transaction() as conn:
            where = {"consumer": self._consumer, "topic": topic, "key": key}
            if error is not None:
                await conn.execute(_SET_ERROR, {**where, "error": error})
            remaining = (
                await conn.execute(
                    text(
                        "SELECT count(*) FROM parked_event WHERE consumer = :consumer AND topic = :topic AND key = :key"
                    ),
                    where,
                )
            ).scalar_one()
            await show_parked(conn, self._consumer)
        return Drained(replayed, remaining, error)

    async def _replay_step(self, topic: str, key: str, size: int) -> int:
        where = {"consumer": self._consumer, "topic": topic, "key": key}
        async with self._database.transaction() as conn:
            if (await conn.execute(_LOCK_ONE, where)).first() is None:
                return 0
            rows = (await conn.execute(_FIRST, {**where, "limit": size})).all()
            events = [decode_again(unpack_headers(row.headers), row.value) for row in rows]
            new = await claim(conn, self._consumer, [row.event_id for row in rows])
            fresh = [event for event, row in zip(events, rows, strict=True) if row.event_id in new]
            if fresh:
                await self._handler(conn, fresh)
            await conn.execute(_DROP, {"ids": [row.id for row in rows]})
            await conn.execute(_UNPARK_IF_EMPTY, where)
            return len(rows)

    async def discard(self, topic: str, key: str, event_id: str | None = None) -> int:
        """Drop one parked event of the key, or all; they count as handled from now on. How many were dropped.

        When the last one is dropped the key is free. A record that comes later with the id of a dropped one and
        another content is a correction and is handled.
        """
        where: dict[str, Any] = {"consumer": self._consumer, "topic": topic, "key": key}
        async with self._database.transaction() as conn:
            if (await conn.execute(_LOCK_ONE, where)).first() is None:
                return 0
            dropped = (await conn.execute(_DISCARD, {**where, "event_id": event_id})).all()
            await claim(conn, self._consumer, [row.event_id for row in dropped])
            digests = {row.event_id: content_digest(unpack_headers(row.headers), row.value) for row in dropped}
            await note_discarded(conn, self._consumer, sorted(digests.items()))
            await conn.execute(_UNPARK_IF_EMPTY, where)
            await show_parked(conn, self._consumer)
        return len(dropped)


async def show_parked(conn: AsyncConnection, consumer: str) -> None:
    """Bring the metric ``parked_keys`` up to date."""
    PARKED_KEYS.labels(consumer).set((await conn.execute(_COUNT, {"consumer": consumer})).scalar_one())
