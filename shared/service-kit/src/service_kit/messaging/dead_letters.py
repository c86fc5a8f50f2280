"""Copies of parked events on dead-letter topics, for those who watch the log and not the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import text

from service_kit.messaging.event_log import Headers, Producer
from service_kit.messaging.header_packing import unpack_headers
from service_kit.messaging.outbox import MAX_PAYLOAD_BYTES
from service_kit.persistence.database import Database
from service_kit.runtime.failing_parts import failing_parts
from service_kit.runtime.waiting import pause, wait_for_any

log = structlog.get_logger(__name__)

_LONGEST_PAUSE = 60.0
_MOST_OF_HEADERS = 128 * 1024
_LONGEST_KEY = 16 * 1024
"""Together with the data and what is added they stay below the broker's limit of a record, 1 MB."""

_NEXT = text(
    """
    SELECT id, consumer, topic, event_id, kafka_partition, kafka_offset, record_key, headers, value, error, parked_at
    FROM parked_event WHERE NOT mirrored AND id <> ALL (CAST(:refused AS bigint[])) ORDER BY id LIMIT 100
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
        self._refused: set[int] = set()
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
                failing_parts.worked("dead-letters")
            except Exception as error:
                failures += 1
                sent = 0
                failing_parts.failed("dead-letters", error)
                log.warning("dead_letters_not_mirrored", exc_info=error, in_a_row=failures)
            if sent == 0:
                # Replicas share the table: uneven pauses make it rare that two of them send the same letter.
                await wait_for_any(pause(failures + 1, self._poll, _LONGEST_PAUSE), self.wake, stopping)

    async def mirror_some(self) -> int:
        """Send up to 100 letters and mark those that arrived; returns how many. Raises the errors of database and
        broker, after it has marked what did arrive: one letter that the broker refuses holds back no other."""
        async with self._database.reading() as conn:
            rows = (await conn.execute(_NEXT, {"refused": sorted(self._refused)})).all()
        if not rows:
            self._refused = set()
            return 0
        producer = self._producer_factory()
        try:
            await producer.start()
            outcomes = await asyncio.wait_for(
                asyncio.gather(*(self._send(producer, row) for row in rows), return_exceptions=True), 30
            )
            await producer.stop()
        finally:
            await producer.abandon()
        arrived = [
            row.id for row, outcome in zip(rows, outcomes, strict=True) if not isinstance(outcome, BaseException)
        ]
        async with self._database.transaction() as conn:
            await conn.execute(_DONE, {"ids": arrived})
        failed = {
            row.id: outcome for row, outcome in zip(rows, outcomes, strict=True) if isinstance(outcome, BaseException)
        }
        if failed:
            # The next round begins with others; once round, these are tried again.
            self._refused = (self._refused | failed.keys()) if arrived else set()
            raise next(iter(failed.values()))
        return len(rows)

    @staticmethod
    async def _send(producer: Producer, row: Any) -> None:
        key, value, headers = letter_of(row)
        await (await producer.send(dead_letter_topic(row.topic, row.consumer), key, value, headers))


def letter_of(row: Any) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of a letter: those of the record, with headers that say where it was and what was wrong.

    What makes it larger than a broker takes is left out, and a header says so; it is still in its own topic.
    """
    key: bytes = row.record_key or b""
    value: bytes = row.value or b""
    headers = unpack_headers(row.headers)
    told: list[tuple[str, bytes | None]] = [
        ("dlq_origin_topic", row.topic.encode()),
        ("dlq_origin_partition", str(row.kafka_partition).encode()),
        ("dlq_origin_offset", str(row.kafka_offset).encode()),
        ("dlq_consumer", row.consumer.encode()),
        ("dlq_error", row.error.encode()),
        ("dlq_parked_at", row.parked_at.isoformat().encode()),
    ]
    if len(value) > MAX_PAYLOAD_BYTES:
        told.append(("dlq_value_left_out", str(len(value)).encode()))
        value = b""
    if (size := sum(len(name) * 4 + len(content or b"") + 20 for name, content in headers)) > _MOST_OF_HEADERS:
        told.append(("dlq_headers_left_out", str(size).encode()))
        headers = []
    if len(key) > _LONGEST_KEY:
        told.append(("dlq_key_left_out", str(len(key)).encode()))
        key = b""
    return key, value, [*headers, *told]
