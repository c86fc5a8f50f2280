"""The read models of orders on PostgreSQL. What the caller may see is part of every WHERE."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.adapters.sql_line_rows import lines_of_orders
from order_service.adapters.sql_order_rows import order_of
from order_service.adapters.sql_shipments import shipments_of_orders
from order_service.application.history import HistoryEntry
from order_service.application.queries import (
    OrderFilter,
    OrderKey,
    OrderRecord,
    OrderVersion,
    RecordedEntry,
    ShippableUnits,
    Visibility,
)
from order_service.domain.order import Shipment
from service_kit.persistence.page_lines import within_lines

_VISIBLE = """
    (CAST(:visible_customer AS text) IS NULL OR o.customer_id = CAST(:visible_customer AS text))
    AND (CAST(:visible_order AS text) IS NULL OR o.order_id = CAST(:visible_order AS text))
"""

_ORDER = text(f"SELECT o.* FROM customer_order o WHERE o.order_id = :order_id AND {_VISIBLE}")

_ORDER_VERSION = text(f"SELECT o.version FROM customer_order o WHERE o.order_id = :order_id AND {_VISIBLE}")

_VERSIONS = text(
    "SELECT order_id, version, answered FROM customer_order WHERE order_id = ANY(CAST(:order_ids AS text[]))"
)

_LINE_COUNTS = text(
    """
    SELECT order_id, count(*) AS lines FROM order_line
    WHERE order_id = ANY(CAST(:order_ids AS text[])) GROUP BY order_id
    """
)

_HISTORY = text(
    f"""
    SELECT h.* FROM order_history h JOIN customer_order o USING (order_id)
    WHERE h.order_id = :order_id AND h.version > :after AND {_VISIBLE}
    ORDER BY h.version LIMIT :limit
    """
)

# OFFSET 0 keeps the look-ups as look-ups, one for each line with units at the location. The planner would prefer to
# join with all lines ever ordered.
_SHIPPABLE = text(
    f"""
    SELECT s.line_id, s.location_id, l.order_id, coalesce(n.merged_into, l.sku) AS sku, l.reference, l.promise_date,
           least(s.allocated - s.shipped, l.quantity - l.cancelled - l.shipped, p.payable) AS quantity,
           o.reference AS order_reference, o.placed_at, o.needed_by, o.ship_complete, o.country, o.region, o.tier
    FROM line_location s
    CROSS JOIN LATERAL (SELECT * FROM order_line WHERE order_line.line_id = s.line_id OFFSET 0) AS l
    CROSS JOIN LATERAL (SELECT * FROM customer_order WHERE customer_order.order_id = l.order_id OFFSET 0) AS o
    -- What is neither paid nor held stays; null where the order is paid elsewhere, which the least of them ignores.
    CROSS JOIN LATERAL (
        SELECT l.charged + CASE WHEN l.held_until <= :at THEN 0 ELSE l.held END - l.shipped AS payable
    ) AS p
    LEFT JOIN sku n ON n.sku = l.sku
    LEFT JOIN sku k ON k.sku = coalesce(n.merged_into, l.sku)
    WHERE s.allocated > s.shipped AND s.location_id = :location_id AND s.line_id > :after
      AND l.quantity - l.cancelled > l.shipped AND l.basis >= l.cut_sequence
      AND (o.complete OR NOT o.ship_complete) AND coalesce(p.payable, 1) > 0
      AND (k.mode IS DISTINCT FROM 'preorder' OR k.release_at IS NULL OR k.release_at <= :at)
      AND {_VISIBLE}
    ORDER BY s.line_id LIMIT :limit
    """
)
_SHIPPABLE_FIELDS = tuple(field.name for field in fields(ShippableUnits))


class SqlOrderQueries:
    """`OrderQueries` on PostgreSQL."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def order(self, order_id: str, visibility: Visibility) -> OrderRecord | None:
        """See OrderQueries."""
        found = await self._conn.execute(_ORDER, {"order_id": order_id, **_visible(visibility)})
        records = await self._records(found.mappings().all())
        return records[0] if records else None

    async def order_version(self, order_id: str, visibility: Visibility) -> int | None:
        """See OrderQueries."""
        found = await self._conn.execute(_ORDER_VERSION, {"order_id": order_id, **_visible(visibility)})
        version: int | None = found.scalar_one_or_none()
        return version

    async def versions(self, order_ids: Collection[str]) -> dict[str, OrderVersion]:
        """See OrderQueries."""
        rows = await self._conn.execute(_VERSIONS, {"order_ids": list(order_ids)})
        return {row.order_id: OrderVersion(row.version, row.answered) for row in rows}

    async def orders(
        self, wanted: OrderFilter, visibility: Visibility, *, after: OrderKey | None, limit: int
    ) -> list[OrderRecord]:
        """See OrderQueries."""
        conditions, parameters = _conditions(wanted, visibility)
        if wanted.updated_after is not None:
            order_by = "o.updated_at, o.order_id"
            if after is not None:
                conditions.append("(o.updated_at, o.order_id) > (:after_time, :after_id)")
                parameters |= {"after_time": after[0], "after_id": after[-1]}
        else:
            order_by = "o.order_id DESC"
            if after is not None:
                conditions.append("o.order_id < :after_id")
                parameters["after_id"] = after[-1]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        statement = text(f"SELECT o.* FROM customer_order o {where} ORDER BY {order_by} LIMIT :limit")
        found = (await self._conn.execute(statement, {**parameters, "limit": limit})).mappings().all()
        counted = await self._conn.execute(_LINE_COUNTS, {"order_ids": [row["order_id"] for row in found]})
        kept = within_lines([row["order_id"] for row in found], {row.order_id: row.lines for row in counted})
        return await self._records(found[: len(kept)])

    async def history(self, order_id: str, visibility: Visibility, *, after: int, limit: int) -> list[RecordedEntry]:
        """See OrderQueries."""
        rows = await self._conn.execute(
            _HISTORY, {"order_id": order_id, "after": after, "limit": limit, **_visible(visibility)}
        )
        return [_recorded_entry(row) for row in rows.mappings()]

    async def shipments(self, order_id: str) -> list[Shipment]:
        """See OrderQueries."""
        return (await shipments_of_orders(self._conn, [order_id])).get(order_id, [])

    async def shippable_units(
        self, location_id: str, at: datetime, visibility: Visibility, *, after: str, limit: int
    ) -> list[ShippableUnits]:
        """See OrderQueries."""
        parameters = {"location_id": location_id, "at": at, "after": after, "limit": limit, **_visible(visibility)}
        rows = await self._conn.execute(_SHIPPABLE, parameters)
        return [ShippableUnits(**{name: row[name] for name in _SHIPPABLE_FIELDS}) for row in rows.mappings()]

    async def _records(self, rows: Sequence[RowMapping]) -> list[OrderRecord]:
        if not rows:
            return []
        lines = await lines_of_orders(self._conn, [row["order_id"] for row in rows])
        return [OrderRecord(order_of(row, lines[row["order_id"]]), row["updated_at"], row["answered"]) for row in rows]


def _visible(visibility: Visibility) -> dict[str, Any]:
    return {"visible_customer": visibility.customer_id, "visible_order": visibility.order_id}


def _conditions(wanted: OrderFilter, visibility: Visibility) -> tuple[list[str], dict[str, Any]]:
    """Only the conditions that are asked for, so that the planner sees which index serves them."""
    candidates: list[tuple[str, str, Any]] = [
        ("o.reference = :reference", "reference", wanted.reference),
        ("o.customer_id = :customer_id", "customer_id", wanted.customer_id),
        ("o.state = :state", "state", wanted.state),
        ("o.order_id IN (SELECT l.order_id FROM order_line l WHERE l.sku = :sku)", "sku", wanted.sku),
        ("o.updated_at > :updated_after", "updated_after", wanted.updated_after),
        ("o.customer_id = :visible_customer", "visible_customer", visibility.customer_id),
        ("o.order_id = :visible_order", "visible_order", visibility.order_id),
    ]
    chosen = [candidate for candidate in candidates if candidate[2] is not None]
    return [condition for condition, _, _ in chosen], {name: value for _, name, value in chosen}


def _recorded_entry(row: RowMapping) -> RecordedEntry:
    entry = HistoryEntry(
        order_id=row["order_id"],
        version=row["version"],
        event=row["event"],
        state=row["state"],
        occurred_at=row["occurred_at"],
        detail=row["detail"],
    )
    return RecordedEntry(entry, row["recorded_at"])
