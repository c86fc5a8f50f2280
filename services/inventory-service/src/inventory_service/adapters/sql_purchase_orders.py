"""Purchase orders on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine

_CLAIM = text(
    """
    INSERT INTO purchase_order (purchase_order_id, reference, supplier_id, location_id, ordered_at, created_at)
    SELECT purchase_order_id, reference, supplier_id, location_id, ordered_at, :now
    FROM unnest(CAST(:ids AS text[]), CAST(:references AS text[]), CAST(:suppliers AS text[]),
                CAST(:locations AS text[]), CAST(:ordered AS timestamptz[]))
         WITH ORDINALITY AS new (purchase_order_id, reference, supplier_id, location_id, ordered_at, position)
    ORDER BY reference COLLATE "C", position
    ON CONFLICT (reference) DO NOTHING
    RETURNING purchase_order_id
    """
)
_HOLDERS = text(
    "SELECT reference, purchase_order_id FROM purchase_order WHERE reference = ANY(CAST(:references AS text[]))"
)
_ADD_LINES = text(
    """
    INSERT INTO purchase_order_line (line_id, purchase_order_id, line_no, sku, quantity, eta, first_eta, updated_at)
    SELECT line_id, purchase_order_id, line_no, sku, quantity, eta, eta, :now
    FROM unnest(CAST(:ids AS text[]), CAST(:orders AS text[]), CAST(:numbers AS integer[]), CAST(:skus AS text[]),
                CAST(:quantities AS bigint[]), CAST(:etas AS timestamptz[]))
         AS new (line_id, purchase_order_id, line_no, sku, quantity, eta)
    """
)
_VERSION = text("SELECT coalesce(sum(version), 0)::bigint FROM purchase_order_line WHERE purchase_order_id = :id")

LINE_COLUMNS = """
    line.line_id, line.purchase_order_id, po.supplier_id, po.location_id, line.sku, line.quantity, line.eta,
    line.received, line.closed, line.version
"""

_LINES = f"""
    SELECT {LINE_COLUMNS}
    FROM purchase_order_line line JOIN purchase_order po USING (purchase_order_id)
    WHERE line.line_id = ANY(CAST(:ids AS text[]))
    ORDER BY line.line_id
"""
_READ_LINES = text(_LINES)
_LOCK_LINES = text(_LINES + " FOR UPDATE OF line")

_SAVE_LINES = text(
    """
    UPDATE purchase_order_line line
    SET quantity = new.quantity, received = new.received, closed = new.closed, eta = new.eta,
        version = new.version, updated_at = :now
    FROM unnest(CAST(:ids AS text[]), CAST(:quantities AS bigint[]), CAST(:received AS bigint[]),
                CAST(:closed AS boolean[]), CAST(:etas AS timestamptz[]), CAST(:versions AS bigint[]))
         AS new (line_id, quantity, received, closed, eta, version)
    WHERE line.line_id = new.line_id
    """
)


class SqlPurchaseOrders:
    """Implements ``PurchaseOrders``."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def claim(self, orders: Sequence[PurchaseOrder]) -> set[str]:
        """See PurchaseOrders."""
        if not orders:
            return set()
        values = {
            "ids": [order.purchase_order_id for order in orders],
            "references": [order.reference for order in orders],
            "suppliers": [order.supplier_id for order in orders],
            "locations": [order.location_id for order in orders],
            "ordered": [order.ordered_at for order in orders],
        }
        rows = await self._connection.execute(_CLAIM, {**values, "now": self._now})
        return {row.purchase_order_id for row in rows}

    async def holders(self, references: Collection[str]) -> dict[str, str]:
        """See PurchaseOrders."""
        rows = await self._connection.execute(_HOLDERS, {"references": list(references)})
        return {row.reference: row.purchase_order_id for row in rows}

    async def add_lines(self, orders: Sequence[PurchaseOrder]) -> None:
        """See PurchaseOrders. Lines are numbered from 1 within their order."""
        numbered = [(number, line) for order in orders for number, line in enumerate(order.lines, start=1)]
        if numbered:
            values = {
                "ids": [line.line_id for _, line in numbered],
                "orders": [line.purchase_order_id for _, line in numbered],
                "numbers": [number for number, _ in numbered],
                "skus": [line.sku for _, line in numbered],
                "quantities": [line.quantity for _, line in numbered],
                "etas": [line.eta for _, line in numbered],
            }
            await self._connection.execute(_ADD_LINES, {**values, "now": self._now})

    async def lines(self, line_ids: Collection[str]) -> dict[str, PurchaseOrderLine]:
        """See PurchaseOrders."""
        return await self._lines(_READ_LINES, line_ids)

    async def lock_lines(self, line_ids: Collection[str]) -> dict[str, PurchaseOrderLine]:
        """See PurchaseOrders."""
        return await self._lines(_LOCK_LINES, line_ids)

    async def save_lines(self, lines: Collection[PurchaseOrderLine]) -> None:
        """See PurchaseOrders."""
        if lines:
            values = {
                "ids": [line.line_id for line in lines],
                "quantities": [line.quantity for line in lines],
                "received": [line.received for line in lines],
                "closed": [line.closed for line in lines],
                "etas": [line.eta for line in lines],
                "versions": [line.version for line in lines],
            }
            await self._connection.execute(_SAVE_LINES, {**values, "now": self._now})

    async def version(self, purchase_order_id: str) -> int:
        """See PurchaseOrders."""
        version: int = (await self._connection.execute(_VERSION, {"id": purchase_order_id})).scalar_one()
        return version

    async def _lines(self, statement: TextClause, line_ids: Collection[str]) -> dict[str, PurchaseOrderLine]:
        rows = await self._connection.execute(statement, {"ids": list(line_ids)})
        return {row.line_id: purchase_order_line(row) for row in rows}


def purchase_order_line(row: Row[Any]) -> PurchaseOrderLine:
    """The purchase-order line of a row with ``LINE_COLUMNS``."""
    return PurchaseOrderLine(
        line_id=row.line_id,
        purchase_order_id=row.purchase_order_id,
        supplier_id=row.supplier_id,
        location_id=row.location_id,
        sku=row.sku,
        quantity=row.quantity,
        eta=row.eta,
        received=row.received,
        closed=row.closed,
        version=row.version,
    )
