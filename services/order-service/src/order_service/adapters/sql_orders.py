"""Orders under change: locked, loaded whole, written back set-based."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event
from order_service.adapters.sql_lines import lines_of_orders, write_lines
from order_service.adapters.sql_rows import HISTORY_COLUMNS, ORDER_COLUMNS, history_row, order_of, order_row
from order_service.application.history import HistoryEntry
from order_service.application.ports import ChangedOrder
from order_service.domain.order import Order, Shipment, ShippedUnits
from service_kit.messaging.outbox import publish
from service_kit.persistence.bulk import Columns, arrays, names, unnest
from service_kit.persistence.statements import Statement

# NO KEY: the key never changes, so rows that reference the order need not wait.
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

_SHIPMENTS = text(
    """
    SELECT s.*, l.line_id, l.quantity
    FROM shipment s JOIN shipment_line l USING (shipment_id)
    WHERE s.order_id = ANY(CAST(:order_ids AS text[])) ORDER BY s.order_id, s.shipment_id, l.line_id
    """
)

_CHANGEABLE = (
    "country",
    "region",
    "needed_by",
    "latest_acceptable_date",
    "metadata",
    "changed_at",
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

_SHIPMENT_COLUMNS: Columns = (
    ("shipment_id", "text"),
    ("order_id", "text"),
    ("reference", "text"),
    ("location_id", "text"),
    ("tracking_number", "text"),
    ("shipped_at", "timestamptz"),
)
_SHIPMENT_LINE_COLUMNS: Columns = (("shipment_id", "text"), ("line_id", "text"), ("quantity", "bigint"))
_ADD_SHIPMENTS = text(
    f"""
    WITH added AS (
        INSERT INTO shipment ({names(_SHIPMENT_COLUMNS)}, recorded_at)
        SELECT {names(_SHIPMENT_COLUMNS)}, CAST(:now AS timestamptz) FROM {unnest(_SHIPMENT_COLUMNS, "s", "s_")}
    )
    INSERT INTO shipment_line ({names(_SHIPMENT_LINE_COLUMNS)})
    SELECT {names(_SHIPMENT_LINE_COLUMNS)} FROM {unnest(_SHIPMENT_LINE_COLUMNS, "l", "l_")}
    """
)

ADD_HISTORY = Statement(
    f"""
    INSERT INTO order_history ({names(HISTORY_COLUMNS)}, recorded_at)
    SELECT {names(HISTORY_COLUMNS)}, CAST(:now AS timestamptz) FROM {unnest(HISTORY_COLUMNS, "h")}
    """,
    changes="order_history",
)

_RELEASES = text(
    """
    SELECT sku, release_at FROM sku
    WHERE sku = ANY(CAST(:skus AS text[])) AND mode = 'preorder' AND release_at IS NOT NULL
    """
)

_REFERENCES = text("SELECT reference, shipment_id FROM shipment WHERE reference = ANY(CAST(:references AS text[]))")


class SqlOrderStore:
    """`OrderStore` on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def lock(self, visible_to: Mapping[str, Collection[str | None]]) -> dict[str, Order]:
        """Lock in sorted order; the customers' bounds stand in the WHERE."""
        wanted = [(order_id, customer_id) for order_id, asking in visible_to.items() for customer_id in asking]
        locked = await self._conn.execute(
            _LOCK, {"order_ids": [order for order, _ in wanted], "customer_ids": [customer for _, customer in wanted]}
        )
        rows = locked.mappings().all()
        # Read after the locks: a statement of its own sees what the holders before us committed.
        lines = await lines_of_orders(self._conn, [row["order_id"] for row in rows])
        orders = {row["order_id"]: order_of(row, lines[row["order_id"]]) for row in rows}
        for order_id, shipments in (await shipments_of_orders(self._conn, list(orders))).items():
            orders[order_id].shipments = shipments
        return orders

    async def releases(self, skus: Collection[str]) -> dict[str, datetime]:
        """From the projection of inventory's policies."""
        rows = await self._conn.execute(_RELEASES, {"skus": list(skus)})
        return {row.sku: row.release_at for row in rows}

    async def shipment_references(self, references: Collection[str]) -> dict[str, str]:
        """Those in use already."""
        if not references:
            return {}
        rows = await self._conn.execute(_REFERENCES, {"references": list(references)})
        return {row.reference: row.shipment_id for row in rows}

    async def save(self, changed: Sequence[ChangedOrder], history: Sequence[HistoryEntry], now: datetime) -> None:
        """At most five statements, however many orders changed."""
        if not changed:
            return
        await write_lines(
            self._conn,
            [one.order.lines[line_id] for one in changed for line_id in sorted(one.line_ids)],
        )
        orders = [order_row(one.order) for one in changed]
        await self._conn.execute(_UPDATE, {"now": now, **arrays(ORDER_COLUMNS, orders)})
        await self._add_shipments(
            [(one.order.order_id, shipment) for one in changed for shipment in one.shipments], now
        )
        await add_history(self._conn, now, history)

    async def publish(self, events: Sequence[Event]) -> None:
        """Into the outbox."""
        await publish(self._conn, events)

    async def _add_shipments(self, added: Sequence[tuple[str, Shipment]], now: datetime) -> None:
        if not added:
            return
        shipments = [
            (one.shipment_id, order_id, one.reference, one.location_id, one.tracking_number, one.shipped_at)
            for order_id, one in added
        ]
        lines = [(one.shipment_id, units.line_id, units.quantity) for _, one in added for units in one.lines]
        await self._conn.execute(
            _ADD_SHIPMENTS,
            {
                "now": now,
                **arrays(_SHIPMENT_COLUMNS, shipments, "s_"),
                **arrays(_SHIPMENT_LINE_COLUMNS, lines, "l_"),
            },
        )


async def add_history(conn: AsyncConnection, now: datetime, history: Sequence[HistoryEntry]) -> None:
    """Write history entries in one statement."""
    await ADD_HISTORY.within(conn, history_values(now, history))


def history_values(now: datetime, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """The parameters of ``ADD_HISTORY``."""
    return {"now": now, **arrays(HISTORY_COLUMNS, [history_row(entry) for entry in history])}


async def shipments_of_orders(conn: AsyncConnection, order_ids: Sequence[str]) -> dict[str, list[Shipment]]:
    """The shipments of each order, oldest first; an order without any is left out."""
    found: dict[str, list[Shipment]] = {}
    if not order_ids:
        return found
    units: dict[str, list[ShippedUnits]] = {}
    rows = (await conn.execute(_SHIPMENTS, {"order_ids": list(order_ids)})).all()
    for row in rows:
        units.setdefault(row.shipment_id, []).append(ShippedUnits(row.line_id, row.quantity))
    seen: set[str] = set()
    for row in rows:
        if row.shipment_id in seen:
            continue
        seen.add(row.shipment_id)
        found.setdefault(row.order_id, []).append(
            Shipment(
                shipment_id=row.shipment_id,
                location_id=row.location_id,
                shipped_at=row.shipped_at,
                lines=tuple(units[row.shipment_id]),
                reference=row.reference,
                tracking_number=row.tracking_number,
            )
        )
    return found
