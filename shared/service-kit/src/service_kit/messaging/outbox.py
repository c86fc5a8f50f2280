"""The outbox: events leave in the same transaction as the change they report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.messaging.header_packing import pack_headers
from service_kit.persistence.database import OUTBOX_WRITTEN, copy_rows
from service_kit.persistence.statements import Statement
from service_kit.runtime.cause import Cause, current_cause
from service_kit.runtime.telemetry import current_traceparent

MAX_PAYLOAD_BYTES = 512 * 1024

_COPY_FROM = 200
"""Rows from which COPY is faster than one INSERT over arrays."""


class PayloadTooLarge(ValueError):
    """An event's data exceeds 512 KiB; a broker would refuse it for ever and block what stands behind it."""


_INSERT = Statement(
    """
    INSERT INTO outbox (event_id, topic, key, headers, value)
    SELECT event_id, topic, key, headers, value
    FROM unnest(CAST(:event_ids AS text[]), CAST(:topics AS text[]), CAST(:keys AS text[]),
                CAST(:headers AS bytea[]), CAST(:values AS bytea[]))
         WITH ORDINALITY AS row (event_id, topic, key, headers, value, position)
    ORDER BY position
    """
)


class Outgoing(Protocol):
    """What ``publish`` needs of an event: an ``Event``, or something that writes the same bytes directly."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def causation_id(self) -> str | None: ...
    @property
    def traceparent(self) -> str | None: ...

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers of the binary content mode."""
        ...

    def value(self) -> bytes:
        """The JSON data of the record."""
        ...


Prepared = tuple[str, str, str, bytes, bytes]
"""An outbox row: event id, topic, key, packed headers, data."""


def prepare(events: Sequence[Outgoing]) -> list[Prepared]:
    """The outbox rows of ``events``; raises PayloadTooLarge above 512 KiB.

    Missing correlation, causation and traceparent are filled from ``current_cause`` and the current span.
    """
    cause = current_cause.get()
    traceparent = current_traceparent()
    rows: list[Prepared] = []
    for event in events:
        value = event.value()
        if len(value) > MAX_PAYLOAD_BYTES:
            raise PayloadTooLarge(f"{event.name} {event.id} of {event.key}: {len(value)} bytes > {MAX_PAYLOAD_BYTES}")
        rows.append((event.id, event.topic, event.key, pack_headers(_headers(event, cause, traceparent)), value))
    return rows


async def store(conn: AsyncConnection, rows: Sequence[Prepared]) -> None:
    """Insert prepared rows in the order given; they are sent once the transaction commits.

    The caller has locked the rows of the aggregates they are about, so that id order is commit
    order per key.
    """
    if not rows:
        return
    if len(rows) >= _COPY_FROM:
        await copy_rows(conn, "outbox", ("event_id", "topic", "key", "headers", "value"), rows)
    else:
        names = ("event_ids", "topics", "keys", "headers", "values")
        await _INSERT.within(conn, dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    if conn.sync_connection is not None:
        conn.sync_connection.info[OUTBOX_WRITTEN] = True


async def publish(conn: AsyncConnection, events: Sequence[Outgoing]) -> None:
    """Prepare and store in one: nothing is inserted where an event's data is too large."""
    await store(conn, prepare(events))


def _headers(event: Outgoing, cause: Cause | None, traceparent: str | None) -> list[tuple[str, bytes]]:
    headers = event.headers()
    if cause is not None and event.causation_id is None:
        if cause.causation_id is not None:
            headers.append(("ce_causationid", cause.causation_id.encode()))
        if event.correlation_id == event.id:  # nobody named one: an event made alone starts its own
            headers = [(key, value) for key, value in headers if key != "ce_correlationid"]
            headers.append(("ce_correlationid", cause.correlation_id.encode()))
    if event.traceparent is None and traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    return headers
