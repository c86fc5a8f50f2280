"""What the adapters of one transaction share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event
from inventory_service.domain.purchasing import InboundLine
from service_kit.messaging import outbox
from service_kit.persistence.bulk import Columns, arrays, assignments, unnest

_UNKNOWN = {
    "sku": text("SELECT k FROM unnest(CAST(:keys AS text[])) k WHERE NOT EXISTS (SELECT FROM sku WHERE sku.sku = k)"),
    "location": text(
        "SELECT k FROM unnest(CAST(:keys AS text[])) k"
        " WHERE NOT EXISTS (SELECT FROM location WHERE location.location_id = k)"
    ),
    "supplier": text(
        "SELECT k FROM unnest(CAST(:keys AS text[])) k"
        " WHERE NOT EXISTS (SELECT FROM supplier WHERE supplier.supplier_id = k)"
    ),
}

_PRIORITIES = text("SELECT location_id, priority FROM location WHERE location_id = ANY(CAST(:ids AS text[]))")

INBOUND_COLUMNS = """
    line.line_id, line.purchase_order_id, po.supplier_id, po.location_id, line.sku, line.quantity, line.eta,
    line.received, line.closed, line.version
"""

_INBOUND = f"""
    SELECT {INBOUND_COLUMNS}
    FROM purchase_order_line line JOIN purchase_order po USING (purchase_order_id)
    WHERE line.line_id = ANY(CAST(:ids AS text[]))
    ORDER BY line.line_id
"""
_READ_INBOUND = text(_INBOUND)
_LOCK_INBOUND = text(_INBOUND + " FOR UPDATE OF line")

_CHANGED_COLUMNS: Columns = (
    ("line_id", "text"),
    ("quantity", "bigint"),
    ("received", "bigint"),
    ("closed", "boolean"),
    ("eta", "timestamptz"),
    ("version", "bigint"),
)
_SAVE_INBOUND = text(
    f"""
    UPDATE purchase_order_line line SET {assignments(_CHANGED_COLUMNS[1:], "new")}, updated_at = :now
    FROM {unnest(_CHANGED_COLUMNS, "new")}
    WHERE line.line_id = new.line_id
    """
)


def inbound_line(row: Row[Any]) -> InboundLine:
    """The purchase-order line of a row with ``INBOUND_COLUMNS``."""
    return InboundLine(
        line_id=row.line_id,
        purchase_order_id=row.purchase_order_id,
        supplier_id=row.supplier_id,
        location_id=row.location_id,
        sku=row.sku,
        quantity=row.quantity,
        eta=row.eta,
        received=row.received,
        closed=row.closed,
        version=row.version,
    )


class SqlTransaction:
    """Publishing, and what several ports ask alike."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def publish(self, events: Sequence[Event]) -> None:
        """See Publisher."""
        await outbox.publish(self._conn, events)

    async def unknown_skus(self, skus: Collection[str]) -> set[str]:
        """See Stock."""
        return await self._unknown("sku", skus)

    async def unknown_locations(self, location_ids: Collection[str]) -> set[str]:
        """See Stock."""
        return await self._unknown("location", location_ids)

    async def unknown_suppliers(self, supplier_ids: Collection[str]) -> set[str]:
        """See Purchasing."""
        return await self._unknown("supplier", supplier_ids)

    async def priorities(self, location_ids: Collection[str]) -> dict[str, int]:
        """See Stock."""
        rows = await self._conn.execute(_PRIORITIES, {"ids": list(location_ids)})
        return {row.location_id: row.priority for row in rows}

    async def inbound_lines(self, line_ids: Collection[str], *, lock: bool = False) -> dict[str, InboundLine]:
        """See Stock."""
        rows = await self._conn.execute(_LOCK_INBOUND if lock else _READ_INBOUND, {"ids": list(line_ids)})
        return {row.line_id: inbound_line(row) for row in rows}

    async def save_inbound(self, lines: Collection[InboundLine], recorded_at: datetime) -> None:
        """See Stock."""
        if lines:
            rows = ((line.line_id, line.quantity, line.received, line.closed, line.eta, line.version) for line in lines)
            await self._conn.execute(_SAVE_INBOUND, {**arrays(_CHANGED_COLUMNS, rows), "now": recorded_at})

    async def _unknown(self, what: str, keys: Collection[str]) -> set[str]:
        return {row.k for row in await self._conn.execute(_UNKNOWN[what], {"keys": list(keys)})}
