"""Storage of shipments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.domain.order import Shipment, ShippedUnits
from service_kit.persistence.bulk import Columns, arrays, names, unnest

_SHIPMENTS = text(
    """
    SELECT s.*, l.line_id, l.quantity
    FROM shipment s JOIN shipment_line l USING (shipment_id)
    WHERE s.order_id = ANY(CAST(:order_ids AS text[])) ORDER BY s.order_id, s.shipment_id, l.line_id
    """
)

_SHIPMENT_COLUMNS: Columns = (
    ("shipment_id", "text"),
    ("order_id", "text"),
    ("reference", "text"),
    ("location_id", "text"),
    ("tracking_number", "text"),
    ("shipped_at", "timestamptz"),
    ("voided_at", "timestamptz"),
)
_SHIPMENT_LINE_COLUMNS: Columns = (("shipment_id", "text"), ("line_id", "text"), ("quantity", "bigint"))
_ADD_SHIPMENTS = text(
    f"""
    WITH added AS (
        INSERT INTO shipment ({names(_SHIPMENT_COLUMNS)}, recorded_at)
        SELECT {names(_SHIPMENT_COLUMNS)}, CAST(:now AS timestamptz) FROM {unnest(_SHIPMENT_COLUMNS, "s", "s_")}
    )
    INSERT INTO shipment_line ({names(_SHIPMENT_LINE_COLUMNS)})
    SELECT {names(_SHIPMENT_LINE_COLUMNS)} FROM {unnest(_SHIPMENT_LINE_COLUMNS, "l", "l_")}
    """
)

_VOIDED_COLUMNS: Columns = (("shipment_id", "text"), ("voided_at", "timestamptz"))
_VOID_SHIPMENTS = text(
    f"""
    UPDATE shipment AS s SET voided_at = v.voided_at
    FROM {unnest(_VOIDED_COLUMNS, "v")} WHERE s.shipment_id = v.shipment_id
    """
)

_IDS_BY_REFERENCE = text(
    "SELECT reference, shipment_id FROM shipment"
    " WHERE reference = ANY(CAST(:references AS text[])) AND voided_at IS NULL"
)


class SqlShipmentStore:
    """`ShipmentStore` on PostgreSQL."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def ids_by_reference(self, references: Collection[str]) -> dict[str, str]:
        """See ShipmentStore."""
        if not references:
            return {}
        rows = await self._conn.execute(_IDS_BY_REFERENCE, {"references": list(references)})
        return {row.reference: row.shipment_id for row in rows}


async def add_shipments(conn: AsyncConnection, now: datetime, added: Sequence[tuple[str, Shipment]]) -> None:
    """Add shipments, each with the id of its order, in one statement."""
    if not added:
        return
    shipments = [
        (
            one.shipment_id,
            order_id,
            one.reference,
            one.location_id,
            one.tracking_number,
            one.shipped_at,
            one.voided_at,
        )
        for order_id, one in added
    ]
    lines = [(one.shipment_id, units.line_id, units.quantity) for _, one in added for units in one.lines]
    await conn.execute(
        _ADD_SHIPMENTS,
        {"now": now, **arrays(_SHIPMENT_COLUMNS, shipments, "s_"), **arrays(_SHIPMENT_LINE_COLUMNS, lines, "l_")},
    )


async def void_shipments(conn: AsyncConnection, voided: Sequence[Shipment]) -> None:
    """Store when these shipments were voided, in one statement."""
    if voided:
        rows = [(one.shipment_id, one.voided_at) for one in voided]
        await conn.execute(_VOID_SHIPMENTS, arrays(_VOIDED_COLUMNS, rows))


async def shipments_of_orders(conn: AsyncConnection, order_ids: Sequence[str]) -> dict[str, list[Shipment]]:
    """The shipments of each order, oldest first; an order without any is left out."""
    found: dict[str, list[Shipment]] = {}
    if not order_ids:
        return found
    units: dict[str, list[ShippedUnits]] = {}
    rows = (await conn.execute(_SHIPMENTS, {"order_ids": list(order_ids)})).all()
    for row in rows:
        units.setdefault(row.shipment_id, []).append(ShippedUnits(row.line_id, row.quantity))
    for row in {row.shipment_id: row for row in rows}.values():
        found.setdefault(row.order_id, []).append(
            Shipment(
                shipment_id=row.shipment_id,
                location_id=row.location_id,
                shipped_at=row.shipped_at,
                lines=tuple(units[row.shipment_id]),
                reference=row.reference,
                tracking_number=row.tracking_number,
                voided_at=row.voided_at,
            )
        )
    return found
