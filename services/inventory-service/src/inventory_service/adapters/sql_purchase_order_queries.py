"""Questions about purchase orders on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.adapters.sql_conditions import where
from inventory_service.adapters.sql_purchase_orders import LINE_COLUMNS, purchase_order_line
from inventory_service.application.queries import PurchaseOrderFilter
from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine
from service_kit.persistence.page_lines import within_lines

_HEAD = "purchase_order_id, reference, supplier_id, location_id, ordered_at, created_at"
_ORDER = text(f"SELECT {_HEAD} FROM purchase_order WHERE purchase_order_id = :id")
_LINES = text(
    f"""
    SELECT {LINE_COLUMNS}
    FROM purchase_order_line line JOIN purchase_order po USING (purchase_order_id)
    WHERE line.purchase_order_id = ANY(CAST(:ids AS text[]))
    ORDER BY line.purchase_order_id, line.line_no
    """
)
_LINE_COUNTS = text(
    "SELECT purchase_order_id, count(*) AS lines FROM purchase_order_line"
    " WHERE purchase_order_id = ANY(CAST(:ids AS text[])) GROUP BY purchase_order_id"
)
_HAS_LINE = "EXISTS (SELECT FROM purchase_order_line line WHERE line.purchase_order_id = head.purchase_order_id AND "
_HAS_SKU = _HAS_LINE + "line.sku = :sku)"
_IS_OPEN = _HAS_LINE + "NOT line.closed AND line.received < line.quantity)"


class SqlPurchaseOrderQueries:
    """Implements ``PurchaseOrderQueries``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def purchase_order(self, purchase_order_id: str) -> PurchaseOrder | None:
        """See PurchaseOrderQueries."""
        heads = (await self._connection.execute(_ORDER, {"id": purchase_order_id})).all()
        found = await self._orders_of(heads)
        return found[0] if found else None

    async def purchase_orders(
        self, wanted: PurchaseOrderFilter, *, before: str | None, limit: int
    ) -> Sequence[PurchaseOrder]:
        """See PurchaseOrderQueries."""
        conditions = {
            "reference = :reference": wanted.reference,
            "supplier_id = :supplier_id": wanted.supplier_id,
            "purchase_order_id < :before": before,
            _HAS_SKU: wanted.sku,
            _IS_OPEN if wanted.is_open else f"NOT {_IS_OPEN}": wanted.is_open,
        }
        statement = f"""
            SELECT {_HEAD} FROM purchase_order head {where(conditions)} ORDER BY purchase_order_id DESC LIMIT :limit
        """
        values = {
            "reference": wanted.reference,
            "supplier_id": wanted.supplier_id,
            "before": before,
            "sku": wanted.sku,
            "limit": limit,
        }
        heads = (await self._connection.execute(text(statement), values)).all()
        ids = [head.purchase_order_id for head in heads]
        counted = await self._connection.execute(_LINE_COUNTS, {"ids": ids})
        kept = within_lines(ids, {row.purchase_order_id: row.lines for row in counted})
        return await self._orders_of(heads[: len(kept)])

    async def _orders_of(self, heads: Sequence[Row[Any]]) -> list[PurchaseOrder]:
        if not heads:
            return []
        lines: dict[str, list[PurchaseOrderLine]] = {head.purchase_order_id: [] for head in heads}
        for row in await self._connection.execute(_LINES, {"ids": list(lines)}):
            lines[row.purchase_order_id].append(purchase_order_line(row))
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
