"""Shipped units and demand of customer orders on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.domain.customer_orders import DemandLine, ShipmentLine, ShipmentLineId

_ADD_SHIPMENTS = text(
    """
    INSERT INTO shipment_line (shipment_id, line_id, order_id, sku, location_id, quantity, shipped_at, recorded_at)
    SELECT shipment_id, line_id, order_id, sku, location_id, quantity, shipped_at, :now
    FROM unnest(CAST(:shipments AS text[]), CAST(:lines AS text[]), CAST(:orders AS text[]),
                CAST(:skus AS text[]), CAST(:locations AS text[]), CAST(:quantities AS bigint[]),
                CAST(:shipped AS timestamptz[]))
         AS new (shipment_id, line_id, order_id, sku, location_id, quantity, shipped_at)
    ORDER BY shipment_id COLLATE "C", line_id COLLATE "C"
    ON CONFLICT (shipment_id, line_id) DO NOTHING
    RETURNING shipment_id, line_id
    """
)
_SAVE_DEMAND = text(
    """
    INSERT INTO demand_line AS known (order_id, line_id, sku, day, quantity, cancelled, order_sequence)
    SELECT * FROM unnest(CAST(:orders AS text[]), CAST(:lines AS text[]), CAST(:skus AS text[]),
                         CAST(:days AS date[]), CAST(:quantities AS bigint[]), CAST(:cancelled AS bigint[]),
                         CAST(:sequences AS bigint[]))
    ON CONFLICT (order_id, line_id) DO UPDATE
    SET sku = excluded.sku, day = excluded.day, quantity = excluded.quantity, cancelled = excluded.cancelled,
        order_sequence = excluded.order_sequence
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
        values = {
            "shipments": [line.shipment_id for line in lines],
            "lines": [line.line_id for line in lines],
            "orders": [line.order_id for line in lines],
            "skus": [line.key.sku for line in lines],
            "locations": [line.key.location_id for line in lines],
            "quantities": [line.quantity for line in lines],
            "shipped": [line.shipped_at for line in lines],
        }
        rows = await self._connection.execute(_ADD_SHIPMENTS, {**values, "now": self._now})
        return {(row.shipment_id, row.line_id) for row in rows}


class SqlDemand:
    """Implements ``Demand``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save(self, lines: Collection[DemandLine]) -> None:
        """See Demand."""
        if lines:
            values = {
                "orders": [line.order_id for line in lines],
                "lines": [line.line_id for line in lines],
                "skus": [line.sku for line in lines],
                "days": [line.day for line in lines],
                "quantities": [line.quantity for line in lines],
                "cancelled": [line.cancelled for line in lines],
                "sequences": [line.sequence for line in lines],
            }
            await self._connection.execute(_SAVE_DEMAND, values)
