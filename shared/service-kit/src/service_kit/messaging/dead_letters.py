"""Parked events are shown on dead-letter topics too, for those who watch the log and not the database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import text

from service_kit.messaging.event_log import Producer
from service_kit.messaging.header_packing import unpack_headers
from service_kit.messaging.outbox import MAX_PAYLOAD_BYTES
from service_kit.persistence.database import Database

log = structlog.get_logger(__name__)

_NEXT = text(
    """
    SELECT id, consumer, topic, event_id, kafka_partition, kafka_offset, record_key, headers, value, error, parked_at
    FROM parked_event WHERE NOT mirrored ORDER BY id LIMIT 100
    """
)
_DONE = text("UPDATE parked_event SET mirrored = true WHERE id = ANY (CAST(:ids AS bigint[]))")


def dead_letter_topic(topic: str, group: str) -> str:
    """Where a group's dead letters of a topic go, without prefix."""
    return f"{topic}.{group}.dlq"


class DeadLetterMirror:
    """Sends each parked event to ``<topic>.<group>.dlq`` at least once, with its origin and its error.

    It works off the table and not off the consumer, so a crash loses none; and not through the
    outbox, so that a missing dead-letter topic holds up nothing else.
    """

    def __init__(self, database: Database, producer_factory: Callable[[], Producer], *, poll: float = 1.0) -> None:
        self._database = database
        self._producer_factory = producer_factory
        self._poll = poll
        self.wake = asyncio.Event()
        """Set by the consumer when it has parked something."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until ``stopping``; failures are logged and tried again, ever more slowly up to a minute."""
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
                # Replicas share the table: uneven steps make it rare that two send the same letter.
                await self._rest(min(60.0, self._poll * 2**failures) * random.uniform(0.5, 1.5), stopping)  # noqa: S311

    async def mirror_some(self) -> int:
        """Send up to 100 letters and mark them; how many. Raises what the database or the broker raises."""
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

    async def _rest(self, seconds: float, stopping: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (self.wake, stopping)]
        with suppress(TimeoutError):
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def letter_of(row: Any) -> tuple[bytes, Sequence[tuple[str, bytes]]]:
    """The record as it came, with headers that say where it came from and what was wrong."""
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
        # With its new headers it might exceed what the broker takes; it still stands at its origin.
        headers.append(("dlq_value_left_out", str(len(value)).encode()))
        value = b""
    return value, headers
