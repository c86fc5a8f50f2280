"""Order projections in PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.adapters.columns import columns
from notification_service.application.ports.orders import SkuName
from notification_service.domain.lines import LineProjection, LineStatus
from notification_service.domain.messages import MessageDue
from notification_service.domain.orders import OrderProjection

_ORDER = "order_id, sequence, reference, contact_id, customer_id, placed_at, cause, opened_at, due_at"

_CREATE = text(
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
_BASELINE = 13
"""Position in ``_LINES`` of the columns of the baseline."""

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
_NEXT_SEQUENCES = text(
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
_SAVE_SKU_NAMES = text(
    """
    INSERT INTO sku_name AS s (sku, version, name)
    SELECT sku, version, name
    FROM unnest(CAST(:skus AS text[]), CAST(:versions AS bigint[]), CAST(:names AS text[])) AS n (sku, version, name)
    ORDER BY sku
    ON CONFLICT (sku) DO UPDATE SET version = EXCLUDED.version, name = EXCLUDED.name
    WHERE s.version < EXCLUDED.version
    """
)


class SqlOrderStore:
    """Reads and writes whole batches; rows are always locked in the order of their ids."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn
        self._read: dict[tuple[str, str], LineProjection] = {}
        """Lines as they were read, by which ``save`` knows those that have changed."""

    async def lock(self, order_ids: Collection[str]) -> dict[str, OrderProjection]:
        """See OrderStore."""
        ids = sorted(order_ids)
        await self._conn.execute(_CREATE, {"order_ids": ids})
        rows = (await self._conn.execute(_LOCK, {"order_ids": ids})).all()
        return {order.order_id: order for order in await self._with_lines(rows)}

    async def lock_due(self, now: datetime, limit: int) -> list[OrderProjection]:
        """See OrderStore."""
        rows = (await self._conn.execute(_LOCK_DUE, {"now": now, "limit": limit})).all()
        return await self._with_lines(rows) if rows else []

    async def _with_lines(self, rows: Sequence[Any]) -> list[OrderProjection]:
        lines: dict[str, dict[str, LineProjection]] = defaultdict(dict)
        ids = [row.order_id for row in rows]
        for row in await self._conn.execute(_LINES, {"order_ids": ids}):
            fields: list[Any] = [*row[:_BASELINE], LineStatus(*row[_BASELINE:])]
            line = LineProjection(*fields)
            lines[row.order_id][row.line_id] = self._read[row.order_id, row.line_id] = line
        return [
            OrderProjection(
                order_id=row.order_id,
                sequence=row.sequence,
                reference=row.reference,
                contact_id=row.contact_id,
                customer_id=row.customer_id,
                placed_at=row.placed_at,
                cause=row.cause,
                message_due=MessageDue(row.opened_at, row.due_at) if row.due_at is not None else None,
                lines=lines[row.order_id],
            )
            for row in rows
        ]

    async def save(self, orders: Collection[OrderProjection]) -> None:
        """See OrderStore. Of the lines those are written that differ from what was read."""
        if not orders:
            return
        await self._conn.execute(_SAVE_ORDERS, columns(_ORDER_COLUMNS, map(_order_row, orders)))
        lines = [
            _line_row(line)
            for order in orders
            for line in order.lines.values()
            if line != self._read.get((line.order_id, line.line_id))
        ]
        if lines:
            await self._conn.execute(_SAVE_LINES, columns(_LINE_COLUMNS, lines))

    async def next_sequences(self, order_ids: Sequence[str]) -> list[int]:
        """See OrderStore."""
        rows = await self._conn.execute(_NEXT_SEQUENCES, {"order_ids": list(order_ids)})
        latest = {row.order_id: row.before for row in rows}
        sequences = []
        for order_id in order_ids:
            latest[order_id] += 1
            sequences.append(latest[order_id])
        return sequences

    async def sku_names(self, skus: Collection[str]) -> dict[str, str]:
        """See OrderStore."""
        if not skus:
            return {}
        return {row.sku: row.name for row in await self._conn.execute(_SKU_NAMES, {"skus": list(skus)})}

    async def save_sku_names(self, names: Mapping[str, SkuName]) -> None:
        """See OrderStore."""
        rows = ((sku, name.version, name.name) for sku, name in names.items())
        await self._conn.execute(_SAVE_SKU_NAMES, columns(("skus", "versions", "names"), rows))


def _order_row(order: OrderProjection) -> tuple[Any, ...]:
    return (
        order.order_id,
        order.sequence,
        order.reference,
        order.contact_id,
        order.customer_id,
        order.placed_at,
        order.cause,
        order.message_due.opened_at if order.message_due else None,
        order.message_due.due_at if order.message_due else None,
    )


def _line_row(line: LineProjection) -> tuple[Any, ...]:
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
        line.baseline.allocated,
        line.baseline.waiting,
        line.baseline.declined,
        line.baseline.cancelled,
        line.baseline.promise_date,
    )
