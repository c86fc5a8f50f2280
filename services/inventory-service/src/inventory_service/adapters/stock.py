"""The port ``Stock``: documents, shipments and demand beside the levels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import text

from event_contracts import ShippedLine
from inventory_service.adapters.levels import SqlLevels
from inventory_service.application.commands import DocumentType, RecordStock, StockDocument
from inventory_service.application.ports import DemandLine

_CLAIM_REFERENCES = text(
    """
    INSERT INTO stock_document (document_id, type, reference, location_id, kind, reason, occurred_at, recorded_at)
    SELECT document_id, type, reference, location_id, kind, reason, occurred_at, :now
    FROM unnest(CAST(:ids AS text[]), CAST(:types AS text[]), CAST(:references AS text[]),
                CAST(:locations AS text[]), CAST(:kinds AS text[]), CAST(:reasons AS text[]),
                CAST(:occurred AS timestamptz[]))
         WITH ORDINALITY
         AS new (document_id, type, reference, location_id, kind, reason, occurred_at, position)
    ORDER BY reference COLLATE "C", position
    ON CONFLICT (type, reference) DO NOTHING
    RETURNING document_id
    """
)
_HOLDERS = text(
    "SELECT reference, document_id FROM stock_document"
    " WHERE type = :type AND reference = ANY(CAST(:references AS text[]))"
)
_WITHDRAW = text("DELETE FROM stock_document WHERE document_id = ANY(CAST(:ids AS text[]))")
_STORE_LINES = text(
    """
    INSERT INTO stock_document_line (document_id, line_no, sku, location_id, quantity, purchase_order_line_id,
                                     on_hand_change)
    SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:numbers AS integer[]), CAST(:skus AS text[]),
                         CAST(:locations AS text[]), CAST(:quantities AS bigint[]), CAST(:ordered AS text[]),
                         CAST(:changes AS bigint[]))
    """
)
_CLAIM_SHIPMENTS = text(
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


class SqlStock(SqlLevels):
    """One transaction on stock."""

    async def claim_references(self, commands: Sequence[RecordStock], recorded_at: datetime) -> set[str]:
        """See Stock."""
        values = {
            "ids": [command.document_id for command in commands],
            "types": [command.type.value for command in commands],
            "references": [command.reference for command in commands],
            "locations": [command.location_id for command in commands],
            "kinds": [command.kind for command in commands],
            "reasons": [command.reason for command in commands],
            "occurred": [command.occurred_at for command in commands],
        }
        rows = await self._conn.execute(_CLAIM_REFERENCES, {**values, "now": recorded_at})
        return {row.document_id for row in rows}

    async def holders(self, doc_type: DocumentType, references: Collection[str]) -> dict[str, str]:
        """See Stock."""
        rows = await self._conn.execute(_HOLDERS, {"type": doc_type.value, "references": list(references)})
        return {row.reference: row.document_id for row in rows}

    async def withdraw(self, document_ids: Collection[str]) -> None:
        """See Stock."""
        await self._conn.execute(_WITHDRAW, {"ids": list(document_ids)})

    async def store_lines(self, documents: Sequence[StockDocument]) -> None:
        """See Stock."""
        rows = [(document.document_id, line) for document in documents for line in document.lines]
        if rows:
            values = {
                "ids": [document_id for document_id, _ in rows],
                "numbers": [line.line_no for _, line in rows],
                "skus": [line.key.sku for _, line in rows],
                "locations": [line.key.location_id for _, line in rows],
                "quantities": [line.quantity for _, line in rows],
                "ordered": [line.purchase_order_line_id for _, line in rows],
                "changes": [line.on_hand_change for _, line in rows],
            }
            await self._conn.execute(_STORE_LINES, values)

    async def claim_shipments(
        self, shipments: Mapping[tuple[str, str], tuple[str, ShippedLine]], recorded_at: datetime
    ) -> set[tuple[str, str]]:
        """See Stock."""
        lines = [line for _, line in shipments.values()]
        values = {
            "shipments": [line.shipment_id for line in lines],
            "lines": [line.line_id for line in lines],
            "orders": [order_id for order_id, _ in shipments.values()],
            "skus": [line.sku for line in lines],
            "locations": [line.location for line in lines],
            "quantities": [line.quantity for line in lines],
            "shipped": [line.shipped_at for line in lines],
        }
        rows = await self._conn.execute(_CLAIM_SHIPMENTS, {**values, "now": recorded_at})
        return {(row.shipment_id, row.line_id) for row in rows}

    async def save_demand(self, lines: Collection[DemandLine]) -> None:
        """See Stock."""
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
            await self._conn.execute(_SAVE_DEMAND, values)
