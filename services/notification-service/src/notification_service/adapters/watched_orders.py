"""Orders as seen from here, in PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.adapters.columns import columns
from notification_service.domain.lines import Told, WatchedLine
from notification_service.domain.messages import Due
from notification_service.domain.orders import WatchedOrder

_ORDER = "order_id, sequence, reference, contact_id, customer_id, placed_at, cause, opened_at, due_at"

_MAKE = text(
    """
    INSERT INTO watched_order (order_id) SELECT unnest(CAST(:order_ids AS text[])) ON CONFLICT DO NOTHING
    """
)
_LOCK = text(
    f"SELECT {_ORDER} FROM watched_order WHERE order_id = ANY(CAST(:order_ids AS text[])) ORDER BY order_id FOR UPDATE"
)
_LOCK_DUE = text(
    f"""
    SELECT {_ORDER} FROM watched_order WHERE due_at <= :now ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
_LINES = text(
    """
    SELECT order_id, line_id, sku, quantity, cancelled, shipped, order_sequence, line_version, allocated, waiting,
           declined, reason, promise_date, told_allocated, told_waiting, told_declined, told_cancelled,
           told_promise_date
    FROM watched_line WHERE order_id = ANY(CAST(:order_ids AS text[])) ORDER BY order_id, line_id
    """
)
_STATE = 13
"""Columns of ``_LINES`` before what was told."""

_ORDER_COLUMNS = (
    "order_ids",
    "sequences",
    "refs",
    "contact_ids",
    "customer_ids",
    "placed_ats",
    "causes",
    "opened_ats",
    "due_ats",
)
_SAVE_ORDERS = text(
    """
    UPDATE watched_order AS o
    SET sequence = n.sequence, reference = n.reference, contact_id = n.contact_id, customer_id = n.customer_id,
        placed_at = n.placed_at, cause = n.cause, opened_at = n.opened_at, due_at = n.due_at
    FROM unnest(CAST(:order_ids AS text[]), CAST(:sequences AS bigint[]), CAST(:refs AS text[]),
                CAST(:contact_ids AS text[]), CAST(:customer_ids AS text[]), CAST(:placed_ats AS timestamptz[]),
                CAST(:causes AS text[]), CAST(:opened_ats AS timestamptz[]), CAST(:due_ats AS timestamptz[]))
         AS n (order_id, sequence, reference, contact_id, customer_id, placed_at, cause, opened_at, due_at)
    WHERE o.order_id = n.order_id
    """
)
_LINE_COLUMNS = (
    "order_ids",
    "line_ids",
    "skus",
    "quantities",
    "cancelled",
    "shipped",
    "order_sequences",
    "line_versions",
    "allocated",
    "waiting",
    "declined",
    "reasons",
    "promise_dates",
    "told_allocated",
    "told_waiting",
    "told_declined",
    "told_cancelled",
    "told_promise_dates",
)
_SAVE_LINES = text(
    """
    INSERT INTO watched_line AS l (
        order_id, line_id, sku, quantity, cancelled, shipped, order_sequence, line_version, allocated, waiting,
        declined, reason, promise_date, told_allocated, told_waiting, told_declined, told_cancelled, told_promise_date)
    SELECT * FROM unnest(
        CAST(:order_ids AS text[]), CAST(:line_ids AS text[]), CAST(:skus AS text[]), CAST(:quantities AS bigint[]),
        CAST(:cancelled AS bigint[]), CAST(:shipped AS bigint[]), CAST(:order_sequences AS bigint[]),
        CAST(:line_versions AS bigint[]), CAST(:allocated AS bigint[]), CAST(:waiting AS bigint[]),
        CAST(:declined AS bigint[]), CAST(:reasons AS text[]), CAST(:promise_dates AS date[]),
        CAST(:told_allocated AS bigint[]), CAST(:told_waiting AS bigint[]), CAST(:told_declined AS bigint[]),
        CAST(:told_cancelled AS bigint[]), CAST(:told_promise_dates AS date[]))
    ON CONFLICT (order_id, line_id) DO UPDATE SET
        sku = EXCLUDED.sku, quantity = EXCLUDED.quantity, cancelled = EXCLUDED.cancelled, shipped = EXCLUDED.shipped,
        order_sequence = EXCLUDED.order_sequence, line_version = EXCLUDED.line_version,
        allocated = EXCLUDED.allocated, waiting = EXCLUDED.waiting, declined = EXCLUDED.declined,
        reason = EXCLUDED.reason, promise_date = EXCLUDED.promise_date, told_allocated = EXCLUDED.told_allocated,
        told_waiting = EXCLUDED.told_waiting, told_declined = EXCLUDED.told_declined,
        told_cancelled = EXCLUDED.told_cancelled, told_promise_date = EXCLUDED.told_promise_date
    """
)
_NEXT_OUTCOMES = text(
    """
    WITH locked AS MATERIALIZED (
        SELECT order_id FROM watched_order WHERE order_id = ANY(CAST(:order_ids AS text[])) ORDER BY order_id FOR UPDATE
    ), counted AS (
        SELECT order_id, count(*) AS messages FROM unnest(CAST(:order_ids AS text[])) AS n (order_id) GROUP BY order_id
    )
    UPDATE watched_order AS o SET outcomes = outcomes + messages
    FROM counted JOIN locked USING (order_id) WHERE o.order_id = counted.order_id
    RETURNING o.order_id, o.outcomes - messages AS before
    """
)
_SKU_NAMES = text(
    "SELECT sku, name FROM sku_name WHERE sku = ANY(CAST(:skus AS text[])) AND name IS NOT NULL AND name <> ''"
)
_NAME_SKUS = text(
    """
    INSERT INTO sku_name AS s (sku, version, name)
    SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:versions AS bigint[]), CAST(:names AS text[])) AS n (k, v, t)
    ORDER BY k
    ON CONFLICT (sku) DO UPDATE SET version = EXCLUDED.version, name = EXCLUDED.name
    WHERE s.version < EXCLUDED.version
    """
)


class SqlWatchedOrders:
    """Reads and writes whole batches; rows are always locked in sorted order."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn
        self._stored: dict[tuple[str, str], WatchedLine] = {}

    async def lock(self, order_ids: Collection[str]) -> dict[str, WatchedOrder]:
        """The orders, made where missing."""
        ids = sorted(order_ids)
        await self._conn.execute(_MAKE, {"order_ids": ids})
        rows = (await self._conn.execute(_LOCK, {"order_ids": ids})).all()
        return {order.order_id: order for order in await self._with_lines(rows)}

    async def lock_due(self, now: datetime, limit: int) -> list[WatchedOrder]:
        """Orders whose time to be told has come."""
        rows = (await self._conn.execute(_LOCK_DUE, {"now": now, "limit": limit})).all()
        return await self._with_lines(rows) if rows else []

    async def _with_lines(self, rows: Sequence[Any]) -> list[WatchedOrder]:
        lines: dict[str, dict[str, WatchedLine]] = defaultdict(dict)
        ids = [row.order_id for row in rows]
        for row in await self._conn.execute(_LINES, {"order_ids": ids}):
            fields: list[Any] = [*row[:_STATE], Told(*row[_STATE:])]
            line = WatchedLine(*fields)
            lines[row.order_id][row.line_id] = self._stored[row.order_id, row.line_id] = line
        return [
            WatchedOrder(
                order_id=row.order_id,
                sequence=row.sequence,
                reference=row.reference,
                contact_id=row.contact_id,
                customer_id=row.customer_id,
                placed_at=row.placed_at,
                cause=row.cause,
                due=Due(row.opened_at, row.due_at) if row.due_at is not None else None,
                lines=lines[row.order_id],
            )
            for row in rows
        ]

    async def save(self, orders: Collection[WatchedOrder]) -> None:
        """Write the orders, and of their lines those that differ from what was read."""
        if not orders:
            return
        heads = (
            (
                order.order_id,
                order.sequence,
                order.reference,
                order.contact_id,
                order.customer_id,
                order.placed_at,
                order.cause,
                order.due.opened_at if order.due else None,
                order.due.due_at if order.due else None,
            )
            for order in orders
        )
        await self._conn.execute(_SAVE_ORDERS, columns(_ORDER_COLUMNS, heads))
        lines = [
            _row(line)
            for order in orders
            for line in order.lines.values()
            if line != self._stored.get((line.order_id, line.line_id))
        ]
        if lines:
            await self._conn.execute(_SAVE_LINES, columns(_LINE_COLUMNS, lines))

    async def next_outcomes(self, order_ids: Sequence[str]) -> list[int]:
        """Consecutive numbers per order, in the order of the ids given."""
        rows = await self._conn.execute(_NEXT_OUTCOMES, {"order_ids": list(order_ids)})
        counters = {row.order_id: row.before for row in rows}
        numbers = []
        for order_id in order_ids:
            counters[order_id] += 1
            numbers.append(counters[order_id])
        return numbers

    async def sku_names(self, skus: Collection[str]) -> dict[str, str]:
        """The names of those SKUs that have one."""
        if not skus:
            return {}
        return {row.sku: row.name for row in await self._conn.execute(_SKU_NAMES, {"skus": list(skus)})}

    async def name_skus(self, names: Mapping[str, tuple[int, str | None]]) -> None:
        """Remember names unless newer ones are known."""
        rows = ((sku, version, name) for sku, (version, name) in names.items())
        await self._conn.execute(_NAME_SKUS, columns(("skus", "versions", "names"), rows))


def _row(line: WatchedLine) -> tuple[Any, ...]:
    return (
        line.order_id,
        line.line_id,
        line.sku,
        line.quantity,
        line.cancelled,
        line.shipped,
        line.order_sequence,
        line.line_version,
        line.allocated,
        line.waiting,
        line.declined,
        line.reason,
        line.promise_date,
        line.told.allocated,
        line.told.waiting,
        line.told.declined,
        line.told.cancelled,
        line.told.promise_date,
    )
