"""New orders in one statement: orders, lines and history of a whole batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event
from order_service.adapters.sql_rows import HISTORY_COLUMNS, ORDER_COLUMNS, history_row, order_row
from order_service.adapters.unnested import arrays, names, unnest
from order_service.application.history import HistoryEntry
from order_service.domain.order import Order
from service_kit.outbox import publish

_LINE_COLUMNS: tuple[tuple[str, str], ...] = (
    ("line_id", "text"),
    ("order_id", "text"),
    ("position", "int"),
    ("sku", "text"),
    ("reference", "text"),
    ("quantity", "bigint"),
    ("unit_price", "bigint"),
)

# A reference that is taken leaves its order out, and with it the lines and the history that join it.
# Sorted by reference, so that two batches which share some wait for each other in one order only.
_ADD = text(
    f"""
    WITH placed AS (
        INSERT INTO customer_order ({names(ORDER_COLUMNS)}, updated_at)
        SELECT {names(ORDER_COLUMNS)}, CAST(:now AS timestamptz) FROM {unnest(ORDER_COLUMNS, "o", "o_")}
        ORDER BY reference
        ON CONFLICT (reference) DO NOTHING
        RETURNING order_id
    ), lines AS (
        INSERT INTO order_line ({names(_LINE_COLUMNS)})
        SELECT {names(_LINE_COLUMNS)} FROM {unnest(_LINE_COLUMNS, "l", "l_")} JOIN placed USING (order_id)
    ), history AS (
        INSERT INTO order_history ({names(HISTORY_COLUMNS)}, recorded_at)
        SELECT {names(HISTORY_COLUMNS)}, CAST(:now AS timestamptz)
        FROM {unnest(HISTORY_COLUMNS, "h", "h_")} JOIN placed USING (order_id)
    )
    SELECT order_id FROM placed
    """
)

_HOLDERS = text("SELECT reference, order_id FROM customer_order WHERE reference = ANY(CAST(:references AS text[]))")

_KNOWN_SKUS = text("SELECT sku FROM sku WHERE sku = ANY(CAST(:skus AS text[]))")


class KnownSkus:
    """The SKUs this process has seen in the projection. A SKU never goes away, so a hit needs no look."""

    def __init__(self) -> None:
        self.names: set[str] = set()


class SqlPlacementStore:
    """`PlacementStore` on one transaction."""

    def __init__(self, conn: AsyncConnection, known: KnownSkus) -> None:
        self._conn = conn
        self._known = known

    async def unknown_skus(self, skus: Collection[str]) -> set[str]:
        """Those that the projection does not hold; asks the database only for names not seen before."""
        doubtful = set(skus) - self._known.names
        if not doubtful:
            return set()
        rows = await self._conn.execute(_KNOWN_SKUS, {"skus": sorted(doubtful)})
        found = set(rows.scalars())
        self._known.names |= found
        return doubtful - found

    async def add(self, orders: Sequence[Order], history: Sequence[HistoryEntry], now: datetime) -> Mapping[str, str]:
        """One statement for the batch; a second one only if references were taken."""
        if not orders:
            return {}
        lines = [
            (line.line_id, order.order_id, line.position, line.sku, line.reference, line.quantity, line.unit_price)
            for order in orders
            for line in order.lines.values()
        ]
        placed = await self._conn.execute(
            _ADD,
            {
                "now": now,
                **arrays(ORDER_COLUMNS, [order_row(order) for order in orders], "o_"),
                **arrays(_LINE_COLUMNS, lines, "l_"),
                **arrays(HISTORY_COLUMNS, [history_row(entry) for entry in history], "h_"),
            },
        )
        added = set(placed.scalars())
        refused = [order.terms.reference for order in orders if order.order_id not in added]
        if not refused:
            return {}
        holders = await self._conn.execute(_HOLDERS, {"references": refused})
        return {row.reference: row.order_id for row in holders}

    async def publish(self, events: Sequence[Event]) -> None:
        """Into the outbox."""
        await publish(self._conn, events)
