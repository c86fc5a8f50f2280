"""Questions about purchase orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.adapters.transaction import INBOUND_COLUMNS, inbound_line
from inventory_service.application.commands import PurchaseOrder
from inventory_service.domain.purchasing import InboundLine

_HEAD = "purchase_order_id, reference, supplier_id, location_id, ordered_at, created_at"


async def purchase_order(conn: AsyncConnection, purchase_order_id: str) -> PurchaseOrder | None:
    """The purchase order with its lines, or None."""
    statement = text(f"SELECT {_HEAD} FROM purchase_order WHERE purchase_order_id = :id")
    found = await _with_lines(conn, (await conn.execute(statement, {"id": purchase_order_id})).all())
    return found[0] if found else None


async def list_purchase_orders(
    conn: AsyncConnection,
    *,
    reference: str | None,
    supplier_id: str | None,
    sku: str | None,
    is_open: bool | None,
    before: str | None,
    limit: int,
) -> Sequence[PurchaseOrder]:
    """Purchase orders with their lines, newest first, behind the order ``before``."""
    conditions = {
        "reference = :reference": reference is not None,
        "supplier_id = :supplier_id": supplier_id is not None,
        "purchase_order_id < :before": before is not None,
        "EXISTS (SELECT FROM purchase_order_line line WHERE line.purchase_order_id = head.purchase_order_id"
        " AND line.sku = :sku)": sku is not None,
        f"{'' if is_open else 'NOT '}EXISTS (SELECT FROM purchase_order_line line"
        " WHERE line.purchase_order_id = head.purchase_order_id"
        " AND NOT line.closed AND line.received < line.quantity)": is_open is not None,
    }
    where = " AND ".join(condition for condition, wanted in conditions.items() if wanted)
    statement = f"""
        SELECT {_HEAD} FROM purchase_order head {"WHERE " + where if where else ""}
        ORDER BY purchase_order_id DESC LIMIT :limit
    """
    values = {"reference": reference, "supplier_id": supplier_id, "before": before, "sku": sku, "limit": limit}
    return await _with_lines(conn, (await conn.execute(text(statement), values)).all())


async def _with_lines(conn: AsyncConnection, heads: Sequence[Row[Any]]) -> list[PurchaseOrder]:
    if not heads:
        return []
    statement = text(
        f"""
        SELECT {INBOUND_COLUMNS}
        FROM purchase_order_line line JOIN purchase_order po USING (purchase_order_id)
        WHERE line.purchase_order_id = ANY(CAST(:ids AS text[]))
        ORDER BY line.purchase_order_id, line.line_no
        """
    )
    lines: dict[str, list[InboundLine]] = {head.purchase_order_id: [] for head in heads}
    for row in await conn.execute(statement, {"ids": list(lines)}):
        lines[row.purchase_order_id].append(inbound_line(row))
    return [
        PurchaseOrder(
            head.purchase_order_id,
            head.reference,
            head.supplier_id,
            head.location_id,
            head.ordered_at,
            head.created_at,
            tuple(lines[head.purchase_order_id]),
        )
        for head in heads
    ]
