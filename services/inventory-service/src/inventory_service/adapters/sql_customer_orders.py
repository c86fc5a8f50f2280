"""Shipped units and demand of customer orders on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.domain.customer_orders import DemandLine, ShipmentLine, ShipmentLineId
from inventory_service.domain.stock_level import LevelKey
from service_kit.persistence.bulk import Columns, arrays, assignments, names, unnest

_SHIPMENT: Columns = (
    ("shipment_id", "text"),
    ("line_id", "text"),
    ("order_id", "text"),
    ("sku", "text"),
    ("location_id", "text"),
    ("quantity", "bigint"),
    ("shipped_at", "timestamptz"),
    ("reported_at", "timestamptz"),
)
# Of the lines that are new, the one that was reported last and the one that was reported first say when.
_ADD_SHIPMENTS = text(
    f"""
    INSERT INTO shipment_line ({names(_SHIPMENT)}, recorded_at)
    SELECT {names(_SHIPMENT[:-1])}, CASE WHEN 1 IN (from_first, from_last) THEN reported_at END, :now
    FROM (
        SELECT {names(_SHIPMENT)},
               row_number() OVER (ORDER BY reported_at, shipment_id, line_id) AS from_first,
               row_number() OVER (ORDER BY reported_at DESC, shipment_id DESC, line_id DESC) AS from_last
        FROM {unnest(_SHIPMENT, "new")}
        WHERE NOT EXISTS (
            SELECT FROM shipment_line AS known
            WHERE known.shipment_id = new.shipment_id AND known.line_id = new.line_id
        )
    ) AS ranked
    ORDER BY shipment_id COLLATE "C", line_id COLLATE "C"
    ON CONFLICT (shipment_id, line_id) DO NOTHING
    RETURNING shipment_id, line_id
    """
)
_RECENT_DELAYS = text(
    """
    SELECT recorded_at - reported_at AS delay FROM shipment_line
    WHERE reported_at IS NOT NULL AND recorded_at > CAST(:now AS timestamptz) - interval '1 day' AND recorded_at < :now
    ORDER BY recorded_at DESC LIMIT 1000
    """
)
# Of lines that are voided already none is returned, so that each goes back into the stock once for ever.
_VOIDED: Columns = (("shipment_id", "text"), ("line_id", "text"), ("voided_at", "timestamptz"))
_VOID_SHIPMENTS = text(
    f"""
    WITH locked AS (
        SELECT s.shipment_id, s.line_id, v.voided_at
        FROM shipment_line s JOIN {unnest(_VOIDED, "v")} ON v.shipment_id = s.shipment_id AND v.line_id = s.line_id
        WHERE s.voided_at IS NULL
        ORDER BY s.shipment_id, s.line_id FOR UPDATE OF s
    )
    UPDATE shipment_line s SET voided_at = locked.voided_at
    FROM locked WHERE s.shipment_id = locked.shipment_id AND s.line_id = locked.line_id
    RETURNING s.*
    """
)
_DEMAND: Columns = (
    ("order_id", "text"),
    ("line_id", "text"),
    ("sku", "text"),
    ("day", "date"),
    ("quantity", "bigint"),
    ("cancelled", "bigint"),
    ("order_sequence", "bigint"),
)
_NEWER: Columns = tuple(column for column in _DEMAND[2:] if column[0] != "day")
# The first believed day of an order holds: what replaces one that is not believed is later in every event.
_SAVE_DEMAND = text(
    f"""
    INSERT INTO demand_line AS known ({names(_DEMAND)})
    SELECT {names(_DEMAND)} FROM {unnest(_DEMAND, "new")}
    ON CONFLICT (order_id, line_id) DO UPDATE
    SET {assignments(_NEWER, "excluded")}, day = least(known.day, excluded.day)
    WHERE known.order_sequence < excluded.order_sequence
    """
)


class SqlShipments:
    """Implements ``Shipments``."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def add_new(self, lines: Collection[ShipmentLine]) -> set[ShipmentLineId]:
        """See Shipments."""
        rows = (
            (
                one.shipment_id,
                one.line_id,
                one.order_id,
                one.key.sku,
                one.key.location_id,
                one.quantity,
                one.shipped_at,
                one.reported_at,
            )
            for one in lines
        )
        added = await self._connection.execute(_ADD_SHIPMENTS, {**arrays(_SHIPMENT, rows), "now": self._now})
        return {(row.shipment_id, row.line_id) for row in added}

    async def recent_delays(self) -> list[timedelta]:
        """See Shipments."""
        return [row.delay for row in await self._connection.execute(_RECENT_DELAYS, {"now": self._now})]

    async def void_new(self, lines: Collection[ShipmentLine]) -> list[ShipmentLine]:
        """See Shipments."""
        rows = ((one.shipment_id, one.line_id, one.voided_at) for one in lines)
        voided = await self._connection.execute(_VOID_SHIPMENTS, arrays(_VOIDED, rows))
        return [
            ShipmentLine(
                shipment_id=row.shipment_id,
                line_id=row.line_id,
                order_id=row.order_id,
                key=LevelKey(row.sku, row.location_id),
                quantity=row.quantity,
                shipped_at=row.shipped_at,
                reported_at=row.reported_at,
                voided_at=row.voided_at,
            )
            for row in voided
        ]


class SqlDemand:
    """Implements ``Demand``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save(self, lines: Collection[DemandLine]) -> None:
        """See Demand."""
        if lines:
            rows = (
                (line.order_id, line.line_id, line.sku, line.day, line.quantity, line.cancelled, line.sequence)
                for line in lines
            )
            await self._connection.execute(_SAVE_DEMAND, arrays(_DEMAND, rows))
