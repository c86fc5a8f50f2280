"""Receipts, counts, adjustments and supplier returns on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import RecordedLine, StatedDocument, StockDocument
from inventory_service.domain.stock_level import LevelKey
from service_kit.persistence.bulk import Columns, arrays, insert, names, unnest

_DOCUMENT: Columns = (
    ("document_id", "text"),
    ("type", "text"),
    ("reference", "text"),
    ("location_id", "text"),
    ("kind", "text"),
    ("reason", "text"),
    ("occurred_at", "timestamptz"),
)
_CLAIM = text(
    f"""
    INSERT INTO stock_document ({names(_DOCUMENT)}, recorded_at)
    SELECT {names(_DOCUMENT)}, :now FROM {unnest(_DOCUMENT, "new", position=True)}
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
_LINE: Columns = (
    ("document_id", "text"),
    ("line_no", "integer"),
    ("sku", "text"),
    ("location_id", "text"),
    ("quantity", "bigint"),
    ("purchase_order_line_id", "text"),
    ("on_hand_change", "bigint"),
    ("counted_at", "timestamptz"),
)
_ADD_LINES = text(insert("stock_document_line", _LINE))

LINE_COLUMNS = "line_no, sku, location_id, quantity, purchase_order_line_id, on_hand_change, counted_at"
"""What `recorded_line` needs of a row."""

_LOCK_LINE = text(
    f"SELECT {LINE_COLUMNS} FROM stock_document_line WHERE document_id = :id AND line_no = :line_no FOR UPDATE"
)
_LINK_LINE = text(
    "UPDATE stock_document_line SET purchase_order_line_id = :purchase_order_line_id"
    " WHERE document_id = :id AND line_no = :line_no"
)


class SqlStockDocuments:
    """Implements ``StockDocuments``."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def claim(self, documents: Sequence[StatedDocument]) -> set[str]:
        """See StockDocuments."""
        if not documents:
            return set()
        rows = (
            (one.document_id, one.type.value, one.reference, one.location_id, one.kind, one.reason, one.occurred_at)
            for one in documents
        )
        claimed = await self._connection.execute(_CLAIM, {**arrays(_DOCUMENT, rows), "now": self._now})
        return {row.document_id for row in claimed}

    async def holders(self, document_type: DocumentType, references: Collection[str]) -> dict[str, str]:
        """See StockDocuments."""
        rows = await self._connection.execute(_HOLDERS, {"type": document_type.value, "references": list(references)})
        return {row.reference: row.document_id for row in rows}

    async def withdraw(self, document_ids: Collection[str]) -> None:
        """See StockDocuments."""
        await self._connection.execute(_WITHDRAW, {"ids": list(document_ids)})

    async def add_lines(self, documents: Sequence[StockDocument]) -> None:
        """See StockDocuments."""
        rows = [
            (
                document.document_id,
                line.line_no,
                line.key.sku,
                line.key.location_id,
                line.quantity,
                line.purchase_order_line_id,
                line.on_hand_change,
                line.counted_at,
            )
            for document in documents
            for line in document.lines
        ]
        if rows:
            await self._connection.execute(_ADD_LINES, arrays(_LINE, rows))

    async def lock_line(self, document_id: str, line_no: int) -> RecordedLine | None:
        """See StockDocuments."""
        row = (await self._connection.execute(_LOCK_LINE, {"id": document_id, "line_no": line_no})).one_or_none()
        return None if row is None else recorded_line(row)

    async def link_line(self, document_id: str, line_no: int, purchase_order_line_id: str) -> None:
        """See StockDocuments."""
        values = {"id": document_id, "line_no": line_no, "purchase_order_line_id": purchase_order_line_id}
        await self._connection.execute(_LINK_LINE, values)


def recorded_line(row: Row[Any]) -> RecordedLine:
    """The recorded line of a row with ``LINE_COLUMNS``."""
    key = LevelKey(row.sku, row.location_id)
    return RecordedLine(row.line_no, key, row.quantity, row.purchase_order_line_id, row.on_hand_change, row.counted_at)
