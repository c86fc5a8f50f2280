"""Corrections: a record that has the id of a discarded one but says something else is let in again.

A discarded event counts as handled, so that its record is passed over whenever it is delivered again. Its producer may
send a corrected record under the same id (the id is that of the fact). What tells the two apart is the content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.messaging.decoding import Incoming
from service_kit.messaging.event_log import Headers
from service_kit.messaging.header_packing import pack_headers

_NOTE = text(
    """
    INSERT INTO discarded_event (consumer, event_id, digest)
    SELECT :consumer, event_id, digest FROM unnest(:event_ids, :digests) AS row (event_id, digest) ORDER BY event_id
    ON CONFLICT (consumer, event_id) DO UPDATE SET digest = excluded.digest, discarded_at = now()
    """
).bindparams(bindparam("event_ids", type_=ARRAY(TEXT)), bindparam("digests", type_=ARRAY(BYTEA)))

_TAKE_CORRECTED = text(
    """
    DELETE FROM discarded_event AS d USING unnest(:event_ids, :digests) AS row (event_id, digest)
    WHERE d.consumer = :consumer AND d.event_id = row.event_id AND d.digest <> row.digest
    RETURNING d.event_id, d.digest
    """
).bindparams(bindparam("event_ids", type_=ARRAY(TEXT)), bindparam("digests", type_=ARRAY(BYTEA)))

_FORGET_HANDLED = text("DELETE FROM inbox WHERE consumer = :consumer AND event_id = ANY (CAST(:event_ids AS text[]))")

_PURGE = text("DELETE FROM discarded_event WHERE discarded_at < now() - CAST(:age AS interval)")


def content_digest(headers: Headers, value: bytes | None) -> bytes:
    """What two records have in common that say the same: their headers and their data."""
    digest = hashlib.sha256(pack_headers(headers))
    digest.update(b"\x00" if value is None else b"\x01" + value)
    return digest.digest()


async def note_discarded(conn: AsyncConnection, consumer: str, discarded: Sequence[tuple[str, bytes]]) -> None:
    """Remember what was discarded: ids, each once, with the digests of their records."""
    if discarded:
        ids, digests = [event_id for event_id, _ in discarded], [digest for _, digest in discarded]
        await conn.execute(_NOTE, {"consumer": consumer, "event_ids": ids, "digests": digests})


async def take_corrections(conn: AsyncConnection, consumer: str, batch: Collection[Incoming]) -> dict[str, Incoming]:
    """Those of ``batch`` that correct a discarded event, by id; they are no longer known as discarded.

    Of several with one id it is the first that says something else than what was discarded. To be asked only about
    events that are in the inbox, where they stay.
    """
    if not batch:
        return {}
    digests = [content_digest(incoming.record.headers, incoming.record.value) for incoming in batch]
    rows = await conn.execute(
        _TAKE_CORRECTED,
        {"consumer": consumer, "event_ids": [incoming.event_id for incoming in batch], "digests": digests},
    )
    discarded = {row.event_id: row.digest for row in rows}
    corrections: dict[str, Incoming] = {}
    for incoming, digest in zip(batch, digests, strict=True):
        if digest != discarded.get(incoming.event_id, digest):
            corrections.setdefault(incoming.event_id, incoming)
    return corrections


async def reopen_corrected(conn: AsyncConnection, consumer: str, batch: Collection[Incoming]) -> None:
    """Take those of ``batch`` that correct a discarded event out of the inbox, so that they can be parked."""
    corrected = await take_corrections(conn, consumer, batch)
    if corrected:
        await conn.execute(_FORGET_HANDLED, {"consumer": consumer, "event_ids": sorted(corrected)})


async def purge_discarded(conn: AsyncConnection, older_than: timedelta) -> None:
    """Forget what was discarded longer ago; to be called with the age that the inbox is purged with."""
    await conn.execute(_PURGE, {"age": older_than})
