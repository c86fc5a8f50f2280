"""Purchase orders on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine
from service_kit.persistence.bulk import Columns, arrays, assignments, names, unnest

_ORDER: Columns = (
    ("purchase_order_id", "text"),
    ("reference", "text"),
    ("supplier_id", "text"),
    ("location_id", "text"),
    ("ordered_at", "timestamptz"),
)
_CLAIM = text(
    f"""
    INSERT INTO purchase_order ({names(_ORDER)}, created_at)
    SELECT {names(_ORDER)}, :now FROM {unnest(_ORDER, "new", position=True)}
    ORDER BY reference COLLATE "C", position
    ON CONFLICT (reference) DO NOTHING
    RETURNING purchase_order_id
    """
)
_HOLDERS = text(
    "SELECT reference, purchase_order_id FROM purchase_order WHERE reference = ANY(CAST(:references AS text[]))"
)
_NEW_LINE: Columns = (
    ("line_id", "text"),
    ("purchase_order_id", "text"),
    ("line_no", "integer"),
    ("sku", "text"),
    ("quantity", "bigint"),
    ("eta", "timestamptz"),
)
_ADD_LINES = text(
    f"""
    INSERT INTO purchase_order_line ({names(_NEW_LINE)}, first_eta, updated_at)
    SELECT {names(_NEW_LINE)}, eta, :now FROM {unnest(_NEW_LINE, "new")}
    """
)
_VERSION = text("SELECT coalesce(sum(version), 0)::bigint FROM purchase_order_line WHERE purchase_order_id = :id")

LINE_COLUMNS = """
    line.line_id, line.purchase_order_id, po.supplier_id, po.location_id, line.sku, line.quantity, line.eta,
    line.received, line.closed, line.version, po.ordered_at
"""

_LINES = f"""
    SELECT {LINE_COLUMNS}
    FROM purchase_order_line line JOIN purchase_order po USING (purchase_order_id)
    WHERE line.line_id = ANY(CAST(:ids AS text[]))
    ORDER BY line.line_id
"""
_READ_LINES = text(_LINES)
_LOCK_LINES = text(_LINES + " FOR UPDATE OF line")
# NO KEY: the key never changes, so that adding a line to another order of the batch need not wait for this lock.
_LOCK_ORDERS = text(
    """
    SELECT purchase_order_id, reference, supplier_id, location_id, ordered_at, created_at FROM purchase_order
    WHERE purchase_order_id = ANY(CAST(:ids AS text[])) ORDER BY purchase_order_id FOR NO KEY UPDATE
    """
)
_LOCK_LINES_OF_ORDERS = text(
    f"""
    SELECT {LINE_COLUMNS}, line.line_no
    FROM purchase_order_line line JOIN purchase_order po USING (purchase_order_id)
    WHERE line.purchase_order_id = ANY(CAST(:ids AS text[]))
    ORDER BY line.line_id FOR UPDATE OF line
    """
)

_CHANGED_LINE: Columns = (
    ("line_id", "text"),
    ("quantity", "bigint"),
    ("received", "bigint"),
    ("closed", "boolean"),
    ("eta", "timestamptz"),
    ("version", "bigint"),
)
_SAVE_LINES = text(
    f"""
    UPDATE purchase_order_line line SET {assignments(_CHANGED_LINE[1:], "new")}, updated_at = :now
    FROM {unnest(_CHANGED_LINE, "new")}
    WHERE line.line_id = new.line_id
    """
)


_OF_SKU = text("SELECT line_id FROM purchase_order_line WHERE sku = :sku")
_RENAME_LINES = text(
    """
    UPDATE purchase_order_line SET sku = :into, version = version + 1, updated_at = :now
    WHERE line_id = ANY(CAST(:ids AS text[])) AND sku = :sku
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
        rows = (
            (order.purchase_order_id, order.reference, order.supplier_id, order.location_id, order.ordered_at)
            for order in orders
        )
        claimed = await self._connection.execute(_CLAIM, {**arrays(_ORDER, rows), "now": self._now})
        return {row.purchase_order_id for row in claimed}

    async def holders(self, references: Collection[str]) -> dict[str, str]:
        """See PurchaseOrders."""
        rows = await self._connection.execute(_HOLDERS, {"references": list(references)})
        return {row.reference: row.purchase_order_id for row in rows}

    async def add_lines(self, orders: Sequence[PurchaseOrder]) -> None:
        """See PurchaseOrders. Lines are numbered from 1 within their order."""
        await self.append_lines([pair for order in orders for pair in enumerate(order.lines, start=1)])

    async def append_lines(self, lines: Sequence[tuple[int, PurchaseOrderLine]]) -> None:
        """See PurchaseOrders."""
        rows = [
            (line.line_id, line.purchase_order_id, number, line.sku, line.quantity, line.eta) for number, line in lines
        ]
        if rows:
            await self._connection.execute(_ADD_LINES, {**arrays(_NEW_LINE, rows), "now": self._now})

    async def lock_orders(self, purchase_order_ids: Collection[str]) -> dict[str, PurchaseOrder]:
        """See PurchaseOrders."""
        ids = {"ids": list(purchase_order_ids)}
        heads = (await self._connection.execute(_LOCK_ORDERS, ids)).all()
        lines: dict[str, list[tuple[int, PurchaseOrderLine]]] = {head.purchase_order_id: [] for head in heads}
        for row in await self._connection.execute(_LOCK_LINES_OF_ORDERS, ids):
            lines[row.purchase_order_id].append((row.line_no, purchase_order_line(row)))
        return {head.purchase_order_id: _order(head, lines[head.purchase_order_id]) for head in heads}

    async def lines(self, line_ids: Collection[str]) -> dict[str, PurchaseOrderLine]:
        """See PurchaseOrders."""
        return await self._lines(_READ_LINES, line_ids)

    async def lock_lines(self, line_ids: Collection[str]) -> dict[str, PurchaseOrderLine]:
        """See PurchaseOrders."""
        return await self._lines(_LOCK_LINES, line_ids)

    async def save_lines(self, lines: Collection[PurchaseOrderLine]) -> None:
        """See PurchaseOrders."""
        if lines:
            rows = ((line.line_id, line.quantity, line.received, line.closed, line.eta, line.version) for line in lines)
            await self._connection.execute(_SAVE_LINES, {**arrays(_CHANGED_LINE, rows), "now": self._now})

    async def rename_lines(self, sku: str, into: str) -> list[PurchaseOrderLine]:
        """See PurchaseOrders."""
        ids = [row.line_id for row in await self._connection.execute(_OF_SKU, {"sku": sku})]
        await self._lines(_LOCK_LINES, ids)
        await self._connection.execute(_RENAME_LINES, {"sku": sku, "into": into, "ids": ids, "now": self._now})
        return list((await self._lines(_READ_LINES, ids)).values())

    async def version(self, purchase_order_id: str) -> int:
        """See PurchaseOrders."""
        version: int = (await self._connection.execute(_VERSION, {"id": purchase_order_id})).scalar_one()
        return version

    async def _lines(self, statement: TextClause, line_ids: Collection[str]) -> dict[str, PurchaseOrderLine]:
        rows = await self._connection.execute(statement, {"ids": list(line_ids)})
        return {row.line_id: purchase_order_line(row) for row in rows}


def _order(head: Row[Any], lines: list[tuple[int, PurchaseOrderLine]]) -> PurchaseOrder:
    return PurchaseOrder(
        purchase_order_id=head.purchase_order_id,
        reference=head.reference,
        supplier_id=head.supplier_id,
        location_id=head.location_id,
        ordered_at=head.ordered_at,
        created_at=head.created_at,
        lines=tuple(line for _, line in sorted(lines, key=lambda numbered: numbered[0])),
    )


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
        ordered_at=row.ordered_at,
    )
