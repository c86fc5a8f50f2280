"""The port ``Purchasing``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text

from inventory_service.adapters.transaction import SqlTransaction
from inventory_service.application.commands import PlacePurchaseOrder
from inventory_service.domain.purchasing import InboundLine
from service_kit.persistence.bulk import Columns, arrays, names, unnest

_ORDER_COLUMNS: Columns = (
    ("purchase_order_id", "text"),
    ("reference", "text"),
    ("supplier_id", "text"),
    ("location_id", "text"),
    ("ordered_at", "timestamptz"),
)
_CLAIM_ORDERS = text(
    f"""
    INSERT INTO purchase_order ({names(_ORDER_COLUMNS)}, created_at)
    SELECT {names(_ORDER_COLUMNS)}, :now
    FROM {unnest(_ORDER_COLUMNS, "new", position=True)}
    ORDER BY reference COLLATE "C", position
    ON CONFLICT (reference) DO NOTHING
    RETURNING purchase_order_id
    """
)
_HOLDERS = text(
    "SELECT reference, purchase_order_id FROM purchase_order WHERE reference = ANY(CAST(:references AS text[]))"
)
_LINE_COLUMNS: Columns = (
    ("line_id", "text"),
    ("purchase_order_id", "text"),
    ("line_no", "integer"),
    ("sku", "text"),
    ("quantity", "bigint"),
    ("eta", "timestamptz"),
)
_STORE_LINES = text(
    f"""
    INSERT INTO purchase_order_line ({names(_LINE_COLUMNS)}, first_eta, updated_at)
    SELECT {names(_LINE_COLUMNS)}, eta, :now FROM {unnest(_LINE_COLUMNS, "new")}
    """
)
_ORDER_VERSION = text("SELECT coalesce(sum(version), 0)::bigint FROM purchase_order_line WHERE purchase_order_id = :id")


class SqlPurchasing(SqlTransaction):
    """One transaction on purchase orders."""

    async def claim_orders(self, commands: Sequence[PlacePurchaseOrder], recorded_at: datetime) -> set[str]:
        """See Purchasing."""
        rows = (
            (one.purchase_order_id, one.reference, one.supplier_id, one.location_id, one.ordered_at) for one in commands
        )
        claimed = await self._conn.execute(_CLAIM_ORDERS, {**arrays(_ORDER_COLUMNS, rows), "now": recorded_at})
        return {row.purchase_order_id for row in claimed}

    async def order_holders(self, references: Collection[str]) -> dict[str, str]:
        """See Purchasing."""
        rows = await self._conn.execute(_HOLDERS, {"references": list(references)})
        return {row.reference: row.purchase_order_id for row in rows}

    async def order_version(self, purchase_order_id: str) -> int:
        """See Purchasing."""
        version: int = (await self._conn.execute(_ORDER_VERSION, {"id": purchase_order_id})).scalar_one()
        return version

    async def store_inbound(self, lines: Sequence[InboundLine], recorded_at: datetime) -> None:
        """See Purchasing."""
        if lines:
            rows = (
                (line.line_id, line.purchase_order_id, number, line.sku, line.quantity, line.eta)
                for number, line in zip(_numbers(lines), lines, strict=True)
            )
            await self._conn.execute(_STORE_LINES, {**arrays(_LINE_COLUMNS, rows), "now": recorded_at})


def _numbers(lines: Sequence[InboundLine]) -> list[int]:
    """1, 2, 3 … within each purchase order."""
    reached: dict[str, int] = {}
    numbers = []
    for line in lines:
        reached[line.purchase_order_id] = reached.get(line.purchase_order_id, 0) + 1
        numbers.append(reached[line.purchase_order_id])
    return numbers
