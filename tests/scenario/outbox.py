"""What a service on a database has published."""

from __future__ import annotations

from sqlalchemy import text

from event_contracts import Event
from event_contracts.envelope import decode
from service_kit.messaging.header_packing import unpack_headers
from service_kit.persistence.database import Database


async def take_outbox(database: Database) -> list[Event]:
    """The events in the outbox, in the order in which they would be sent; it is empty afterwards."""
    async with database.transaction() as conn:
        rows = (await conn.execute(text("DELETE FROM outbox RETURNING id, headers, value"))).all()
    return [decode(unpack_headers(row.headers), row.value) for row in sorted(rows, key=lambda row: row.id)]
