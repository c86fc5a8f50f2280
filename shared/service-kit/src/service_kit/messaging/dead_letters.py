"""Copies of parked events on dead-letter topics, for those who watch the log and not the database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from sqlalchemy import text

from service_kit.messaging.event_log import Producer
from service_kit.messaging.header_packing import unpack_headers
from service_kit.messaging.outbox import MAX_PAYLOAD_BYTES
from service_kit.persistence.database import Database
from service_kit.runtime.waiting import wait_for_any

log = structlog.get_logger(__name__)

_NEXT = text(
    """
    SELECT id, consumer, topic, event_id, kafka_partition, kafka_offset, record_key, headers, value, error, parked_at
    FROM parked_event WHERE NOT mirrored ORDER BY id LIMIT 100
    """
)
_DONE = text("UPDATE parked_event SET mirrored = true WHERE id = ANY (CAST(:ids AS bigint[]))")


def dead_letter_topic(topic: str, group: str) -> str:
    """The topic, without prefix, for a group's dead letters of another topic."""
    return f"{topic}.{group}.dlq"


class DeadLetterMirror:
    """Sends each parked event to ``<topic>.<group>.dlq`` at least once, with its origin and its error.

    It reads the table of parked events, so a crash of the consumer loses none. It does not use the outbox, so that a
    missing dead-letter topic delays nothing else.
    """

    def __init__(self, database: Database, producer_factory: Callable[[], Producer], *, poll: float = 1.0) -> None:
        self._database = database
        self._producer_factory = producer_factory
        self._poll = poll
        self.wake = asyncio.Event()
        """Set by the consumer when it has parked something."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until ``stopping``. Failures are logged; the pause before another try grows up to a minute."""
        failures = 0
        while not stopping.is_set():
            self.wake.clear()
            try:
                sent = await self.mirror_some()
                failures = 0
            except Exception as error:
                failures += 1
                sent = 0
                log.warning("dead_letters_not_mirrored", exc_info=error, in_a_row=failures)
            if sent == 0:
                # Replicas share the table: uneven pauses make it rare that two of them send the same letter.
                pause = min(60.0, self._poll * 2**failures) * random.uniform(0.5, 1.5)  # noqa: S311
                await wait_for_any(pause, self.wake, stopping)

    async def mirror_some(self) -> int:
        """Send up to 100 letters and mark them as sent; returns how many. Raises the errors of database and broker."""
        async with self._database.reading() as conn:
            rows = (await conn.execute(_NEXT)).all()
        if not rows:
            return 0
        producer = self._producer_factory()
        try:
            await producer.start()
            sent = []
            for row in rows:
                value, headers = letter_of(row)
                topic = dead_letter_topic(row.topic, row.consumer)
                sent.append(asyncio.ensure_future(await producer.send(topic, row.record_key or b"", value, headers)))
            await asyncio.wait_for(asyncio.gather(*sent), 30)
            await producer.stop()
        finally:
            await producer.abandon()
        async with self._database.transaction() as conn:
            await conn.execute(_DONE, {"ids": [row.id for row in rows]})
        return len(rows)


def letter_of(row: Any) -> tuple[bytes, Sequence[tuple[str, bytes]]]:
    """The record's value as it was, and its headers with others that say where it was and why it was parked."""
    value: bytes = row.value or b""
    headers = [
        *unpack_headers(row.headers),
        ("dlq_origin_topic", row.topic.encode()),
        ("dlq_origin_partition", str(row.kafka_partition).encode()),
        ("dlq_origin_offset", str(row.kafka_offset).encode()),
        ("dlq_consumer", row.consumer.encode()),
        ("dlq_error", row.error.encode()),
        ("dlq_parked_at", row.parked_at.isoformat().encode()),
    ]
    if len(value) > MAX_PAYLOAD_BYTES:
        # With the added headers it might exceed the broker's limit. The value is still in its own topic.
        headers.append(("dlq_value_left_out", str(len(value)).encode()))
        value = b""
    return value, headers
