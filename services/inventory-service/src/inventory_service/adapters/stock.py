"""The port ``Stock``: documents, shipments and demand beside the levels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import text

from event_contracts import ShippedLine
from inventory_service.adapters.levels import SqlLevels
from inventory_service.application.commands import DocumentType, RecordStock, StockDocument
from inventory_service.application.ports import DemandLine
from service_kit.persistence.bulk import Columns, arrays, assignments, insert, names, unnest

_DOCUMENT_COLUMNS: Columns = (
    ("document_id", "text"),
    ("type", "text"),
    ("reference", "text"),
    ("location_id", "text"),
    ("kind", "text"),
    ("reason", "text"),
    ("occurred_at", "timestamptz"),
)
_CLAIM_REFERENCES = text(
    f"""
    INSERT INTO stock_document ({names(_DOCUMENT_COLUMNS)}, recorded_at)
    SELECT {names(_DOCUMENT_COLUMNS)}, :now
    FROM {unnest(_DOCUMENT_COLUMNS, "new", position=True)}
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
_LINE_COLUMNS: Columns = (
    ("document_id", "text"),
    ("line_no", "integer"),
    ("sku", "text"),
    ("location_id", "text"),
    ("quantity", "bigint"),
    ("purchase_order_line_id", "text"),
    ("on_hand_change", "bigint"),
)
_STORE_LINES = text(insert("stock_document_line", _LINE_COLUMNS))
_SHIPMENT_COLUMNS: Columns = (
    ("shipment_id", "text"),
    ("line_id", "text"),
    ("order_id", "text"),
    ("sku", "text"),
    ("location_id", "text"),
    ("quantity", "bigint"),
    ("shipped_at", "timestamptz"),
)
_CLAIM_SHIPMENTS = text(
    f"""
    INSERT INTO shipment_line ({names(_SHIPMENT_COLUMNS)}, recorded_at)
    SELECT {names(_SHIPMENT_COLUMNS)}, :now
    FROM {unnest(_SHIPMENT_COLUMNS, "new")}
    ORDER BY shipment_id COLLATE "C", line_id COLLATE "C"
    ON CONFLICT (shipment_id, line_id) DO NOTHING
    RETURNING shipment_id, line_id
    """
)
_DEMAND_COLUMNS: Columns = (
    ("order_id", "text"),
    ("line_id", "text"),
    ("sku", "text"),
    ("day", "date"),
    ("quantity", "bigint"),
    ("cancelled", "bigint"),
    ("order_sequence", "bigint"),
)
_SAVE_DEMAND = text(
    f"""
    INSERT INTO demand_line AS known ({names(_DEMAND_COLUMNS)})
    SELECT {names(_DEMAND_COLUMNS)} FROM {unnest(_DEMAND_COLUMNS, "new")}
    ON CONFLICT (order_id, line_id) DO UPDATE SET {assignments(_DEMAND_COLUMNS[2:], "excluded")}
    WHERE known.order_sequence < excluded.order_sequence
    """
)


class SqlStock(SqlLevels):
    """One transaction on stock."""

    async def claim_references(self, commands: Sequence[RecordStock], recorded_at: datetime) -> set[str]:
        """See Stock."""
        rows = (
            (one.document_id, one.type.value, one.reference, one.location_id, one.kind, one.reason, one.occurred_at)
            for one in commands
        )
        claimed = await self._conn.execute(_CLAIM_REFERENCES, {**arrays(_DOCUMENT_COLUMNS, rows), "now": recorded_at})
        return {row.document_id for row in claimed}

    async def holders(self, doc_type: DocumentType, references: Collection[str]) -> dict[str, str]:
        """See Stock."""
        rows = await self._conn.execute(_HOLDERS, {"type": doc_type.value, "references": list(references)})
        return {row.reference: row.document_id for row in rows}

    async def withdraw(self, document_ids: Collection[str]) -> None:
        """See Stock."""
        await self._conn.execute(_WITHDRAW, {"ids": list(document_ids)})

    async def store_lines(self, documents: Sequence[StockDocument]) -> None:
        """See Stock."""
        rows = [
            (
                document.document_id,
                line.line_no,
                line.key.sku,
                line.key.location_id,
                line.quantity,
                line.purchase_order_line_id,
                line.on_hand_change,
            )
            for document in documents
            for line in document.lines
        ]
        if rows:
            await self._conn.execute(_STORE_LINES, arrays(_LINE_COLUMNS, rows))

    async def claim_shipments(
        self, shipments: Mapping[tuple[str, str], tuple[str, ShippedLine]], recorded_at: datetime
    ) -> set[tuple[str, str]]:
        """See Stock."""
        rows = (
            (line.shipment_id, line.line_id, order_id, line.sku, line.location, line.quantity, line.shipped_at)
            for order_id, line in shipments.values()
        )
        claimed = await self._conn.execute(_CLAIM_SHIPMENTS, {**arrays(_SHIPMENT_COLUMNS, rows), "now": recorded_at})
        return {(row.shipment_id, row.line_id) for row in claimed}

    async def save_demand(self, lines: Collection[DemandLine]) -> None:
        """See Stock."""
        if lines:
            rows = (
                (one.order_id, one.line_id, one.sku, one.day, one.quantity, one.cancelled, one.sequence)
                for one in lines
            )
            await self._conn.execute(_SAVE_DEMAND, arrays(_DEMAND_COLUMNS, rows))
