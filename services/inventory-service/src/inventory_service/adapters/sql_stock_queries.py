"""Questions about levels, the ledger and recorded documents on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.adapters.sql_conditions import where
from inventory_service.adapters.sql_stock_documents import LINE_COLUMNS, recorded_line
from inventory_service.application.queries import (
    DocumentFilter,
    EntryPosition,
    LedgerFilter,
    LevelPosition,
    StoredEntry,
    StoredLevel,
)
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import RecordedLine, StockDocument
from inventory_service.domain.stock_level import EntryKind
from service_kit.persistence.page_lines import within_lines

_HEAD = "document_id, type, reference, location_id, kind, reason, occurred_at, recorded_at"
_DOCUMENT = text(f"SELECT {_HEAD} FROM stock_document WHERE document_id = :id AND type = :type")
_LINES = text(
    f"SELECT document_id, {LINE_COLUMNS}"
    " FROM stock_document_line WHERE document_id = ANY(CAST(:ids AS text[])) ORDER BY document_id, line_no"
)
_LINE_COUNTS = text(
    "SELECT document_id, count(*) AS lines FROM stock_document_line"
    " WHERE document_id = ANY(CAST(:ids AS text[])) GROUP BY document_id"
)
_HAS_SKU = "EXISTS (SELECT FROM stock_document_line line WHERE line.document_id = head.document_id AND line.sku = :sku)"


class SqlStockQueries:
    """Implements ``StockQueries``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def levels(
        self, *, skus: Sequence[str], location_id: str | None, after: LevelPosition | None, limit: int
    ) -> Sequence[StoredLevel]:
        """See StockQueries."""
        conditions = {
            "sku = ANY(CAST(:skus AS text[]))": list(skus) or None,
            "location_id = :location_id": location_id,
            "(sku, location_id) > (:after_sku, :after_location)": after,
        }
        statement = f"""
            SELECT sku, location_id, on_hand, shipped, version, counted_at, updated_at,
                   NOT EXISTS (
                       SELECT FROM location l WHERE l.location_id = level.location_id AND NOT l.active
                   ) AS location_active
            FROM stock_level level {where(conditions)} ORDER BY sku, location_id LIMIT :limit
        """
        after_sku, after_location = after or (None, None)
        values = {
            "skus": list(skus),
            "location_id": location_id,
            "after_sku": after_sku,
            "after_location": after_location,
            "limit": limit,
        }
        return [_level(row) for row in await self._connection.execute(text(statement), values)]

    async def ledger_entries(
        self, wanted: LedgerFilter, *, before: EntryPosition | None, limit: int
    ) -> Sequence[StoredEntry]:
        """See StockQueries."""
        conditions = {
            "sku = :sku": wanted.sku,
            "location_id = :location_id": wanted.location_id,
            "occurred_at >= :occurred_from": wanted.occurred_from,
            "occurred_at < :occurred_to": wanted.occurred_to,
            "(occurred_at, entry_id) < (:before_time, :before_id)": before,
        }
        statement = f"""
            SELECT entry_id, sku, location_id, kind, on_hand_delta, shipped_delta, on_hand_after, shipped_after,
                   level_version, occurred_at, recorded_at, document_id, line_id, reason
            FROM ledger_entry {where(conditions)} ORDER BY occurred_at DESC, entry_id DESC LIMIT :limit
        """
        before_time, before_id = before or (None, None)
        values = {
            "sku": wanted.sku,
            "location_id": wanted.location_id,
            "occurred_from": wanted.occurred_from,
            "occurred_to": wanted.occurred_to,
            "before_time": before_time,
            "before_id": before_id,
            "limit": limit,
        }
        return [_entry(row) for row in await self._connection.execute(text(statement), values)]

    async def document(self, document_type: DocumentType, document_id: str) -> StockDocument | None:
        """See StockQueries."""
        values = {"id": document_id, "type": document_type.value}
        found = await self._documents_of((await self._connection.execute(_DOCUMENT, values)).all())
        return found[0] if found else None

    async def documents(
        self, document_type: DocumentType, wanted: DocumentFilter, *, before: str | None, limit: int
    ) -> Sequence[StockDocument]:
        """See StockQueries."""
        conditions = {
            "type = :type": document_type,
            "reference = :reference": wanted.reference,
            "location_id = :location_id": wanted.location_id,
            "document_id < :before": before,
            _HAS_SKU: wanted.sku,
        }
        statement = f"""
            SELECT {_HEAD} FROM stock_document head {where(conditions)} ORDER BY document_id DESC LIMIT :limit
        """
        values = {
            "type": document_type.value,
            "reference": wanted.reference,
            "location_id": wanted.location_id,
            "before": before,
            "sku": wanted.sku,
            "limit": limit,
        }
        heads = (await self._connection.execute(text(statement), values)).all()
        ids = [head.document_id for head in heads]
        counted = await self._connection.execute(_LINE_COUNTS, {"ids": ids})
        kept = within_lines(ids, {row.document_id: row.lines for row in counted})
        return await self._documents_of(heads[: len(kept)])

    async def _documents_of(self, heads: Sequence[Row[Any]]) -> list[StockDocument]:
        if not heads:
            return []
        lines: dict[str, list[RecordedLine]] = {head.document_id: [] for head in heads}
        for row in await self._connection.execute(_LINES, {"ids": list(lines)}):
            lines[row.document_id].append(recorded_line(row))
        return [_document(head, lines[head.document_id]) for head in heads]


def _level(row: Row[Any]) -> StoredLevel:
    return StoredLevel(
        sku=row.sku,
        location_id=row.location_id,
        on_hand=row.on_hand,
        shipped=row.shipped,
        version=row.version,
        counted_at=row.counted_at,
        updated_at=row.updated_at,
        location_active=row.location_active,
    )


def _entry(row: Row[Any]) -> StoredEntry:
    return StoredEntry(
        entry_id=row.entry_id,
        sku=row.sku,
        location_id=row.location_id,
        kind=EntryKind(row.kind),
        on_hand_delta=row.on_hand_delta,
        shipped_delta=row.shipped_delta,
        on_hand_after=row.on_hand_after,
        shipped_after=row.shipped_after,
        version=row.level_version,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        document_id=row.document_id,
        line_id=row.line_id,
        reason=row.reason,
    )


def _document(head: Row[Any], lines: Sequence[RecordedLine]) -> StockDocument:
    return StockDocument(
        document_id=head.document_id,
        type=DocumentType(head.type),
        reference=head.reference,
        location_id=head.location_id,
        kind=head.kind,
        reason=head.reason,
        occurred_at=head.occurred_at,
        recorded_at=head.recorded_at,
        lines=tuple(lines),
    )
