"""The read side: orders, lists, history, shipments and what can ship now. The caller's bounds stand in every WHERE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.adapters.sql_lines import lines_of_orders
from order_service.adapters.sql_orders import shipments_of_orders
from order_service.adapters.sql_rows import order_of
from order_service.domain.order import Order, Shipment
from service_kit.persistence.database import Database


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a caller may see: one customer's orders, one order, or (both None) all."""

    customer_id: str | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order as stored; ``updated_at`` is when its row last changed, by the wall clock."""

    order: Order
    updated_at: datetime
    answered: int


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list; None leaves a field out. ``updated_after`` lists by change, oldest first."""

    reference: str | None = None
    customer_id: str | None = None
    state: str | None = None
    sku: str | None = None
    updated_after: datetime | None = None


_BOUND = """
    (CAST(:bound_customer AS text) IS NULL OR o.customer_id = CAST(:bound_customer AS text))
    AND (CAST(:bound_order AS text) IS NULL OR o.order_id = CAST(:bound_order AS text))
"""

_ONE = text(f"SELECT o.* FROM customer_order o WHERE o.order_id = :order_id AND {_BOUND}")

_HISTORY = text(
    f"""
    SELECT h.* FROM order_history h JOIN customer_order o USING (order_id)
    WHERE h.order_id = :order_id AND h.version > :after AND {_BOUND}
    ORDER BY h.version LIMIT :limit
    """
)

# OFFSET 0 keeps the lookups as lookups, one for each unit on the shelf: the planner would rather merge
# all lines ever ordered with them.
_FULFILLABLE = text(
    """
    SELECT s.line_id, s.location_id, l.order_id, l.sku, l.reference, l.promise_date,
           least(s.allocated - s.shipped, l.quantity - l.cancelled - l.shipped) AS quantity,
           o.reference AS order_reference, o.placed_at, o.needed_by, o.ship_complete, o.country, o.region, o.tier
    FROM line_location s
    CROSS JOIN LATERAL (SELECT * FROM order_line WHERE order_line.line_id = s.line_id OFFSET 0) AS l
    CROSS JOIN LATERAL (SELECT * FROM customer_order WHERE customer_order.order_id = l.order_id OFFSET 0) AS o
    LEFT JOIN sku k ON k.sku = l.sku
    WHERE s.allocated > s.shipped AND s.location_id = :location_id AND s.line_id > :after
      AND l.quantity - l.cancelled > l.shipped AND l.basis >= l.cut_sequence
      AND (o.complete OR NOT o.ship_complete)
      AND (k.mode IS DISTINCT FROM 'preorder' OR k.release_at IS NULL OR k.release_at <= :as_of)
      AND (CAST(:bound_customer AS text) IS NULL OR o.customer_id = CAST(:bound_customer AS text))
    ORDER BY s.line_id LIMIT :limit
    """
)


class OrderQueries:
    """Reads of the service, each on one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def order(self, order_id: str, bounds: Bounds) -> OrderRecord | None:
        """The order, or None where there is none that the caller may see."""
        async with self._database.reading() as conn:
            found = await conn.execute(_ONE, {"order_id": order_id, **_bound(bounds)})
            records = await _records(conn, found.mappings().all())
            return records[0] if records else None

    async def order_version(self, order_id: str, bounds: Bounds) -> int | None:
        """The order's version, or None where there is none that the caller may see."""
        async with self._database.reading() as conn:
            row = (await conn.execute(_ONE, {"order_id": order_id, **_bound(bounds)})).first()
            return None if row is None else int(row.version)

    async def orders(
        self, wanted: OrderFilter, bounds: Bounds, after: tuple[Any, ...] | None, limit: int
    ) -> list[OrderRecord]:
        """At most ``limit`` orders after the key ``after`` (see `sort_key`), newest first, or by change."""
        conditions, parameters = _conditions(wanted, bounds)
        if wanted.updated_after is not None:
            order_by = "o.updated_at, o.order_id"
            if after is not None:
                conditions.append("(o.updated_at, o.order_id) > (:after_time, :after_id)")
                parameters |= {"after_time": after[0], "after_id": after[1]}
        else:
            order_by = "o.order_id DESC"
            if after is not None:
                conditions.append("o.order_id < :after_id")
                parameters["after_id"] = after[0]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        statement = text(f"SELECT o.* FROM customer_order o {where} ORDER BY {order_by} LIMIT :limit")
        async with self._database.reading() as conn:
            found = await conn.execute(statement, {**parameters, "limit": limit})
            return await _records(conn, found.mappings().all())

    async def history(self, order_id: str, bounds: Bounds, after: int, limit: int) -> list[dict[str, Any]]:
        """Entries newer than version ``after``, oldest first."""
        async with self._database.reading() as conn:
            rows = await conn.execute(
                _HISTORY, {"order_id": order_id, "after": after, "limit": limit, **_bound(bounds)}
            )
            return [dict(row) for row in rows.mappings()]

    async def shipments(self, order_id: str, bounds: Bounds) -> list[Shipment] | None:
        """All shipments of the order, oldest first; None where the caller may not see the order."""
        async with self._database.reading() as conn:
            found = await conn.execute(_ONE, {"order_id": order_id, **_bound(bounds)})
            if found.first() is None:
                return None
            return (await shipments_of_orders(conn, [order_id])).get(order_id, [])

    async def fulfillable_lines(
        self, location_id: str, as_of: datetime, bounds: Bounds, after: str, limit: int
    ) -> list[dict[str, Any]]:
        """Units that may leave ``location_id`` at ``as_of``, in the order they were placed."""
        async with self._database.reading() as conn:
            rows = await conn.execute(
                _FULFILLABLE,
                {
                    "location_id": location_id,
                    "as_of": as_of,
                    "after": after,
                    "limit": limit,
                    "bound_customer": bounds.customer_id,
                },
            )
            return [dict(row) for row in rows.mappings()]


def sort_key(wanted: OrderFilter, record: OrderRecord) -> tuple[Any, ...]:
    """Where a page of `OrderQueries.orders` ends: its last record's place in the order of the list."""
    order_id = record.order.order_id
    return (order_id,) if wanted.updated_after is None else (record.updated_at, order_id)


def _bound(bounds: Bounds) -> dict[str, Any]:
    return {"bound_customer": bounds.customer_id, "bound_order": bounds.order_id}


def _conditions(wanted: OrderFilter, bounds: Bounds) -> tuple[list[str], dict[str, Any]]:
    """Only the conditions asked for, so that the planner sees which index serves them."""
    candidates: list[tuple[str, str, Any]] = [
        ("o.reference = :reference", "reference", wanted.reference),
        ("o.customer_id = :customer_id", "customer_id", wanted.customer_id),
        ("o.state = :state", "state", wanted.state),
        ("o.order_id IN (SELECT l.order_id FROM order_line l WHERE l.sku = :sku)", "sku", wanted.sku),
        ("o.updated_at > :updated_after", "updated_after", wanted.updated_after),
        ("o.customer_id = :bound_customer", "bound_customer", bounds.customer_id),
        ("o.order_id = :bound_order", "bound_order", bounds.order_id),
    ]
    chosen = [candidate for candidate in candidates if candidate[2] is not None]
    return [condition for condition, _, _ in chosen], {name: value for _, name, value in chosen}


async def _records(conn: AsyncConnection, rows: Sequence[RowMapping]) -> list[OrderRecord]:
    if not rows:
        return []
    lines = await lines_of_orders(conn, [row["order_id"] for row in rows])
    return [OrderRecord(order_of(row, lines[row["order_id"]]), row["updated_at"], row["answered"]) for row in rows]
