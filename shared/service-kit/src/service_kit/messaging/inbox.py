"""The inbox: which events a consumer has handled, recorded in the transaction of their effect."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event
from service_kit.messaging.corrections import purge_discarded
from service_kit.persistence.database import Database
from service_kit.persistence.statements import Statement

# Sorted, so that two members which briefly have the same events cannot deadlock.
_CLAIM = Statement(
    """
    INSERT INTO inbox (consumer, event_id)
    SELECT CAST(:consumer AS text), event_id FROM unnest(CAST(:event_ids AS text[])) AS event_id ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
    """
)

_PURGE = text(
    """
    DELETE FROM inbox WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM inbox WHERE processed_at < now() - CAST(:age AS interval) LIMIT :batch
    ))
    """
)


async def claim(conn: AsyncConnection, consumer: str, event_ids: Collection[str]) -> set[str]:
    """Mark events as handled by ``consumer`` and return those that had not been handled.

    Waits while another transaction holds one of them; if that one commits, the event is not new.
    """
    if not event_ids:
        return set()
    return {row[0] for row in await _CLAIM.within(conn, {"consumer": consumer, "event_ids": list(event_ids)})}


async def insert_new(conn: AsyncConnection, consumer: str, events: Sequence[Event]) -> list[Event]:
    """Mark events as handled by ``consumer``; return those that had not been, in their order, each of them once."""
    first = {event.id: event for event in reversed(events)}
    new = await claim(conn, consumer, first.keys())
    return [event for event in events if event.id in new and first[event.id] is event]


async def purge(database: Database, older_than: timedelta, *, batch: int = 10_000) -> int:
    """Forget the events handled longer ago than ``older_than``; returns how many.

    What operators discarded is forgotten with them. The time must be longer than the topics keep their records: an
    event that is delivered again after its entry was forgotten is applied again.
    """
    async with database.transaction() as conn:
        await purge_discarded(conn, older_than)
    removed = 0
    while True:
        async with database.transaction() as conn:
            count = (await conn.execute(_PURGE, {"age": older_than, "batch": batch})).rowcount
        removed += count
        if count < batch:
            return removed
