"""Questions about levels, the ledger, and stored receipts, counts and adjustments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.application.commands import DocumentType, RecordedLine, StockDocument
from inventory_service.domain.stock import LevelKey


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which entries: of a SKU, a location, with a business time from (inclusive) to (exclusive)."""

    sku: str | None = None
    location_id: str | None = None
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None


async def list_levels(
    conn: AsyncConnection,
    *,
    skus: Sequence[str],
    location_id: str | None,
    after: tuple[str, str] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Levels in the order of SKU and location; of all SKUs where ``skus`` is empty."""
    where = []
    if skus:
        where.append("sku = ANY(CAST(:skus AS text[]))")
    if location_id is not None:
        where.append("location_id = :location_id")
    if after is not None:
        where.append("(sku, location_id) > (:after_sku, :after_location)")
    statement = f"""
        SELECT sku, location_id, on_hand, shipped, version, counted_at, updated_at
        FROM stock_level {_where(where)} ORDER BY sku, location_id LIMIT :limit
    """
    after_sku, after_location = after or (None, None)
    values = {
        "skus": list(skus),
        "location_id": location_id,
        "after_sku": after_sku,
        "after_location": after_location,
        "limit": limit,
    }
    return (await conn.execute(text(statement), values)).all()


async def list_ledger_entries(
    conn: AsyncConnection, wanted: LedgerFilter, *, before: tuple[datetime, int] | None, limit: int
) -> Sequence[Row[Any]]:
    """Entries by business time, newest first, behind the entry that ``before`` names."""
    conditions = {
        "sku = :sku": wanted.sku,
        "location_id = :location_id": wanted.location_id,
        "occurred_at >= :occurred_from": wanted.occurred_from,
        "occurred_at < :occurred_to": wanted.occurred_to,
        "(occurred_at, entry_id) < (:before_time, :before_id)": before,
    }
    where = _where([condition for condition, value in conditions.items() if value is not None])
    before_time, before_id = before or (None, None)
    statement = f"""
        SELECT entry_id, sku, location_id, kind, on_hand_delta, shipped_delta, supply_delta, on_hand_after,
               shipped_after, level_version, occurred_at, recorded_at, document_id, line_id, reason
        FROM ledger_entry {where} ORDER BY occurred_at DESC, entry_id DESC LIMIT :limit
    """
    values = {
        "sku": wanted.sku,
        "location_id": wanted.location_id,
        "occurred_from": wanted.occurred_from,
        "occurred_to": wanted.occurred_to,
        "before_time": before_time,
        "before_id": before_id,
        "limit": limit,
    }
    return (await conn.execute(text(statement), values)).all()


_HEAD = "document_id, type, reference, location_id, kind, reason, occurred_at, recorded_at"


async def document(conn: AsyncConnection, doc_type: DocumentType, document_id: str) -> StockDocument | None:
    """The document with its lines, or None."""
    statement = text(f"SELECT {_HEAD} FROM stock_document WHERE document_id = :id AND type = :type")
    heads = (await conn.execute(statement, {"id": document_id, "type": doc_type.value})).all()
    found = await _with_lines(conn, heads)
    return found[0] if found else None


async def list_documents(
    conn: AsyncConnection,
    doc_type: DocumentType,
    *,
    reference: str | None,
    location_id: str | None,
    sku: str | None,
    before: str | None,
    limit: int,
) -> Sequence[StockDocument]:
    """Documents of a type with their lines, newest first, behind the document ``before``."""
    conditions = {
        "reference = :reference": reference,
        "location_id = :location_id": location_id,
        "document_id < :before": before,
        "EXISTS (SELECT FROM stock_document_line line WHERE line.document_id = head.document_id"
        " AND line.sku = :sku)": sku,
    }
    where = " AND ".join(condition for condition, value in conditions.items() if value is not None)
    statement = f"""
        SELECT {_HEAD} FROM stock_document head WHERE type = :type {"AND " + where if where else ""}
        ORDER BY document_id DESC LIMIT :limit
    """
    values = {
        "type": doc_type.value,
        "reference": reference,
        "location_id": location_id,
        "before": before,
        "sku": sku,
        "limit": limit,
    }
    return await _with_lines(conn, (await conn.execute(text(statement), values)).all())


async def _with_lines(conn: AsyncConnection, heads: Sequence[Row[Any]]) -> list[StockDocument]:
    if not heads:
        return []
    statement = text(
        "SELECT document_id, line_no, sku, location_id, quantity, purchase_order_line_id, on_hand_change"
        " FROM stock_document_line WHERE document_id = ANY(CAST(:ids AS text[])) ORDER BY document_id, line_no"
    )
    lines: dict[str, list[RecordedLine]] = {head.document_id: [] for head in heads}
    for row in await conn.execute(statement, {"ids": list(lines)}):
        line = RecordedLine(
            row.line_no,
            LevelKey(row.sku, row.location_id),
            row.quantity,
            row.purchase_order_line_id,
            row.on_hand_change,
        )
        lines[row.document_id].append(line)
    return [
        StockDocument(
            head.document_id,
            DocumentType(head.type),
            head.reference,
            head.location_id,
            head.kind,
            head.reason,
            head.occurred_at,
            head.recorded_at,
            tuple(lines[head.document_id]),
        )
        for head in heads
    ]


def _where(conditions: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""
