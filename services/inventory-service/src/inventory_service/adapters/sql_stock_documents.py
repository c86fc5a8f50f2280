"""Receipts, counts and adjustments on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import StatedDocument, StockDocument

_CLAIM = text(
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
_ADD_LINES = text(
    """
    INSERT INTO stock_document_line (document_id, line_no, sku, location_id, quantity, purchase_order_line_id,
                                     on_hand_change)
    SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:numbers AS integer[]), CAST(:skus AS text[]),
                         CAST(:locations AS text[]), CAST(:quantities AS bigint[]), CAST(:ordered AS text[]),
                         CAST(:changes AS bigint[]))
    """
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
        values = {
            "ids": [document.document_id for document in documents],
            "types": [document.type.value for document in documents],
            "references": [document.reference for document in documents],
            "locations": [document.location_id for document in documents],
            "kinds": [document.kind for document in documents],
            "reasons": [document.reason for document in documents],
            "occurred": [document.occurred_at for document in documents],
        }
        rows = await self._connection.execute(_CLAIM, {**values, "now": self._now})
        return {row.document_id for row in rows}

    async def holders(self, document_type: DocumentType, references: Collection[str]) -> dict[str, str]:
        """See StockDocuments."""
        rows = await self._connection.execute(_HOLDERS, {"type": document_type.value, "references": list(references)})
        return {row.reference: row.document_id for row in rows}

    async def withdraw(self, document_ids: Collection[str]) -> None:
        """See StockDocuments."""
        await self._connection.execute(_WITHDRAW, {"ids": list(document_ids)})

    async def add_lines(self, documents: Sequence[StockDocument]) -> None:
        """See StockDocuments."""
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
            await self._connection.execute(_ADD_LINES, values)
