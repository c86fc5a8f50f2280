"""The port ``Purchasing``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text

from inventory_service.adapters.transaction import SqlTransaction
from inventory_service.application.commands import PlacePurchaseOrder
from inventory_service.domain.purchasing import InboundLine

_CLAIM_ORDERS = text(
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
_STORE_LINES = text(
    """
    INSERT INTO purchase_order_line (line_id, purchase_order_id, line_no, sku, quantity, eta, first_eta, updated_at)
    SELECT line_id, purchase_order_id, line_no, sku, quantity, eta, eta, :now
    FROM unnest(CAST(:ids AS text[]), CAST(:orders AS text[]), CAST(:numbers AS integer[]), CAST(:skus AS text[]),
                CAST(:quantities AS bigint[]), CAST(:etas AS timestamptz[]))
         AS new (line_id, purchase_order_id, line_no, sku, quantity, eta)
    """
)
_ORDER_VERSION = text("SELECT coalesce(sum(version), 0)::bigint FROM purchase_order_line WHERE purchase_order_id = :id")


class SqlPurchasing(SqlTransaction):
    """One transaction on purchase orders."""

    async def claim_orders(self, commands: Sequence[PlacePurchaseOrder], recorded_at: datetime) -> set[str]:
        """See Purchasing."""
        values = {
            "ids": [command.purchase_order_id for command in commands],
            "references": [command.reference for command in commands],
            "suppliers": [command.supplier_id for command in commands],
            "locations": [command.location_id for command in commands],
            "ordered": [command.ordered_at for command in commands],
        }
        rows = await self._conn.execute(_CLAIM_ORDERS, {**values, "now": recorded_at})
        return {row.purchase_order_id for row in rows}

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
            values = {
                "ids": [line.line_id for line in lines],
                "orders": [line.purchase_order_id for line in lines],
                "numbers": _numbers(lines),
                "skus": [line.sku for line in lines],
                "quantities": [line.quantity for line in lines],
                "etas": [line.eta for line in lines],
            }
            await self._conn.execute(_STORE_LINES, {**values, "now": recorded_at})


def _numbers(lines: Sequence[InboundLine]) -> list[int]:
    """1, 2, 3 … within each purchase order."""
    reached: dict[str, int] = {}
    numbers = []
    for line in lines:
        reached[line.purchase_order_id] = reached.get(line.purchase_order_id, 0) + 1
        numbers.append(reached[line.purchase_order_id])
    return numbers
