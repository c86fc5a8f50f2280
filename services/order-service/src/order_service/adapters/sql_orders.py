"""Storage of orders that are changed: locked, loaded whole, and written back in sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.adapters.payments.touched_payments import touch_payments
from order_service.adapters.sql_history import add_history
from order_service.adapters.sql_line_rows import add_lines, lines_of_orders, write_lines
from order_service.adapters.sql_order_rows import ORDER_COLUMNS, order_of, order_row
from order_service.adapters.sql_shipments import add_shipments, shipments_of_orders, void_shipments
from order_service.application.history import HistoryEntry
from order_service.application.ports import ChangedOrder
from order_service.domain.order import Order
from service_kit.persistence.bulk import arrays, unnest

# NO KEY: the key never changes, so inserts of rows that reference the order need not wait.
_LOCK = text(
    """
    SELECT * FROM customer_order o
    WHERE o.order_id = ANY(CAST(:order_ids AS text[])) AND EXISTS (
        SELECT FROM unnest(CAST(:order_ids AS text[]), CAST(:customer_ids AS text[])) AS w (order_id, customer_id)
        WHERE w.order_id = o.order_id AND (w.customer_id IS NULL OR w.customer_id = o.customer_id)
    )
    ORDER BY o.order_id FOR NO KEY UPDATE OF o
    """
)

_CHANGEABLE = (
    "customer_id",
    "contact_id",
    "tier",
    "channel",
    "ship_complete",
    "country",
    "region",
    "needed_by",
    "latest_acceptable_date",
    "metadata",
    "changed_at",
    "completed_at",
    "sequence",
    "version",
    "answered",
    "state",
    "complete",
)
_UPDATE = text(
    f"""
    UPDATE customer_order AS o
    SET {", ".join(f"{name} = n.{name}" for name in _CHANGEABLE)}, updated_at = CAST(:now AS timestamptz)
    FROM {unnest(ORDER_COLUMNS, "n")} WHERE o.order_id = n.order_id
    """
)


class SqlOrderStore:
    """`OrderStore` on PostgreSQL."""

    def __init__(self, conn: AsyncConnection, now: datetime) -> None:
        self._conn = conn
        self._now = now

    async def lock(self, visible_to: Mapping[str, Collection[str | None]]) -> dict[str, Order]:
        """See OrderStore. The rows are locked in sorted order, so that two batches cannot deadlock."""
        wanted = [(order_id, customer_id) for order_id, asking in visible_to.items() for customer_id in asking]
        locked = await self._conn.execute(
            _LOCK, {"order_ids": [order for order, _ in wanted], "customer_ids": [customer for _, customer in wanted]}
        )
        rows = locked.mappings().all()
        # Read after the locks: a later statement sees what earlier holders of the locks have committed.
        lines = await lines_of_orders(self._conn, [row["order_id"] for row in rows])
        orders = {row["order_id"]: order_of(row, lines[row["order_id"]]) for row in rows}
        for order_id, shipments in (await shipments_of_orders(self._conn, list(orders))).items():
            orders[order_id].shipments = shipments
        return orders

    async def save(self, changed: Sequence[ChangedOrder], history: Sequence[HistoryEntry]) -> None:
        """See OrderStore. At most six statements, however many orders changed."""
        if not changed:
            return
        added_lines = [(one.order, line_id) for one in changed for line_id in sorted(one.added_line_ids)]
        await add_lines(self._conn, [(order.order_id, order.lines[line_id]) for order, line_id in added_lines])
        await write_lines(
            self._conn,
            [one.order.lines[line_id] for one in changed for line_id in sorted(one.line_ids)],
        )
        orders = [order_row(one.order) for one in changed]
        await self._conn.execute(_UPDATE, {"now": self._now, **arrays(ORDER_COLUMNS, orders)})
        # Voided ones first: their references are free for the new ones.
        await void_shipments(self._conn, [shipment for one in changed for shipment in one.voided])
        added = [(one.order.order_id, shipment) for one in changed for shipment in one.shipments]
        await add_shipments(self._conn, self._now, added)
        await add_history(self._conn, self._now, history)
        paid = [one.order.order_id for one in changed if one.order.terms.payment_provider is not None]
        await touch_payments(self._conn, paid, self._now)
