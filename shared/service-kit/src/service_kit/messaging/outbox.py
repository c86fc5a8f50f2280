"""The outbox: events are stored in the transaction of the change that they report, and sent after its commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts.envelope import MAX_DATA_BYTES
from service_kit.messaging.header_packing import pack_headers
from service_kit.persistence.bulk import Columns, arrays, names, unnest
from service_kit.persistence.database import OUTBOX_WRITTEN, copy_rows
from service_kit.persistence.statements import Statement
from service_kit.runtime.cause import Cause, current_cause
from service_kit.runtime.telemetry import current_traceparent

MAX_PAYLOAD_BYTES = MAX_DATA_BYTES
_MAX_ENVELOPE_BYTES = 64 * 1024
"""The most that key and headers may take, so that a record stays below the broker's limit of 1 MB."""

_COPY_FROM = 200
"""Rows from which COPY is faster than one INSERT over arrays."""


class PayloadTooLarge(ValueError):
    """An event's data exceeds 512 KiB, or its key and headers 64 KiB.

    The broker would never take it, and it would block all events behind it.
    """


OUTBOX_COLUMNS: Columns = (
    ("event_id", "text"),
    ("topic", "text"),
    ("key", "text"),
    ("headers", "bytea"),
    ("value", "bytea"),
)
_INSERT = Statement(
    f"""
    INSERT INTO outbox ({names(OUTBOX_COLUMNS)})
    SELECT {names(OUTBOX_COLUMNS)} FROM {unnest(OUTBOX_COLUMNS, "row", position=True)} ORDER BY position
    """
)


class Outgoing(Protocol):
    """What ``publish`` needs of an event: an ``Event``, or an object that encodes the same bytes faster."""

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
        headers = pack_headers(_headers(event, cause, traceparent))
        if len(headers) + len(event.key) > _MAX_ENVELOPE_BYTES:
            raise PayloadTooLarge(
                f"{event.name} {event.id}: key and headers take {len(headers) + len(event.key)} bytes"
            )
        rows.append((event.id, event.topic, event.key, headers, value))
    return rows


async def store(conn: AsyncConnection, rows: Sequence[Prepared]) -> None:
    """Insert prepared rows in the order given; they are sent once the transaction commits.

    The caller must have locked the rows of the aggregates that the events are about, so that for each key the order
    of ids is the order of commits.
    """
    if not rows:
        return
    if len(rows) >= _COPY_FROM:
        await copy_rows(conn, "outbox", [name for name, _ in OUTBOX_COLUMNS], rows)
    else:
        await _INSERT.within(conn, arrays(OUTBOX_COLUMNS, rows))
    if conn.sync_connection is not None:
        conn.sync_connection.info[OUTBOX_WRITTEN] = True


async def publish(conn: AsyncConnection, events: Sequence[Outgoing]) -> None:
    """Prepare events and store them; PayloadTooLarge, and nothing stored, if the data of one is too large."""
    await store(conn, prepare(events))


def _headers(event: Outgoing, cause: Cause | None, traceparent: str | None) -> list[tuple[str, bytes]]:
    headers = event.headers()
    if cause is not None and event.causation_id is None:
        if cause.causation_id is not None:
            headers.append(("ce_causationid", cause.causation_id.encode()))
        if event.correlation_id == event.id:  # none was given: an event made on its own starts a correlation
            headers = [(key, value) for key, value in headers if key != "ce_correlationid"]
            headers.append(("ce_correlationid", cause.correlation_id.encode()))
    if event.traceparent is None and traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    return headers
