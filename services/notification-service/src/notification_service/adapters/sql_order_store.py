"""Order projections in PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.application.ports.orders import SkuName
from notification_service.domain.lines import LineProjection, LineStatus
from notification_service.domain.messages import MessageDue
from notification_service.domain.orders import OrderProjection
from notification_service.domain.reasons import Reason
from service_kit.persistence.bulk import Columns, arrays, assignments, insert, names, or_update, unnest

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
    SELECT {_ORDER} FROM watched_order
    WHERE due_at <= :now AND (CAST(:only AS text[]) IS NULL OR order_id = ANY (CAST(:only AS text[])))
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
_FIND_DUE = text(
    """
    SELECT order_id FROM watched_order
    WHERE due_at <= :now AND order_id <> ALL (CAST(:without AS text[])) ORDER BY due_at LIMIT :limit
    """
)
_ORDER_COLUMNS: Columns = (
    ("order_id", "text"),
    ("sequence", "bigint"),
    ("reference", "text"),
    ("contact_id", "text"),
    ("customer_id", "text"),
    ("placed_at", "timestamptz"),
    ("cause", "text"),
    ("opened_at", "timestamptz"),
    ("due_at", "timestamptz"),
)
_SAVE_ORDERS = text(
    f"""
    UPDATE watched_order AS o SET {assignments(_ORDER_COLUMNS[1:], "n")}
    FROM {unnest(_ORDER_COLUMNS, "n")} WHERE o.order_id = n.order_id
    """
)
_LINE_COLUMNS: Columns = (
    ("order_id", "text"),
    ("line_id", "text"),
    ("sku", "text"),
    ("quantity", "bigint"),
    ("cancelled", "bigint"),
    ("shipped", "bigint"),
    ("order_sequence", "bigint"),
    ("line_version", "bigint"),
    ("allocated", "bigint"),
    ("waiting", "bigint"),
    ("declined", "bigint"),
    ("reason", "text"),
    ("reason_code", "text"),
    ("reason_parameters", "jsonb"),
    ("promise_date", "date"),
    ("told_allocated", "bigint"),
    ("told_waiting", "bigint"),
    ("told_declined", "bigint"),
    ("told_cancelled", "bigint"),
    ("told_promise_date", "date"),
)
_LINES = text(
    f"""
    SELECT {names(_LINE_COLUMNS)}
    FROM watched_line WHERE order_id = ANY(CAST(:order_ids AS text[])) ORDER BY order_id, line_id
    """
)
_REASON = [name for name, _ in _LINE_COLUMNS].index("reason")
"""Position in ``_LINES`` of the columns of the reason: words, code and parameters."""
_BASELINE = next(index for index, (name, _) in enumerate(_LINE_COLUMNS) if name.startswith("told_"))
"""Position in ``_LINES`` of the columns of the baseline."""
_SAVE_LINES = text(insert("watched_line", _LINE_COLUMNS, or_update(_LINE_COLUMNS, 2)))
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
_NAME_COLUMNS: Columns = (("sku", "text"), ("version", "bigint"), ("name", "text"))
_SAVE_SKU_NAMES = text(
    f"""
    INSERT INTO sku_name AS s ({names(_NAME_COLUMNS)})
    SELECT {names(_NAME_COLUMNS)} FROM {unnest(_NAME_COLUMNS, "n")} ORDER BY sku
    ON CONFLICT (sku) DO UPDATE SET version = excluded.version, name = excluded.name
    WHERE s.version < excluded.version
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

    async def find_due(self, now: datetime, limit: int, without: Collection[str] = ()) -> list[str]:
        """See OrderStore."""
        values = {"now": now, "limit": limit, "without": list(without)}
        return list((await self._conn.execute(_FIND_DUE, values)).scalars())

    async def lock_due(self, now: datetime, limit: int, only: Collection[str] | None = None) -> list[OrderProjection]:
        """See OrderStore."""
        values = {"now": now, "limit": limit, "only": None if only is None else list(only)}
        rows = (await self._conn.execute(_LOCK_DUE, values)).all()
        return await self._with_lines(rows) if rows else []

    async def _with_lines(self, rows: Sequence[Any]) -> list[OrderProjection]:
        lines: dict[str, dict[str, LineProjection]] = defaultdict(dict)
        ids = [row.order_id for row in rows]
        for row in await self._conn.execute(_LINES, {"order_ids": ids}):
            line = _line(row)
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
        await self._conn.execute(_SAVE_ORDERS, arrays(_ORDER_COLUMNS, map(_order_row, orders)))
        lines = [
            _line_row(line)
            for order in orders
            for line in order.lines.values()
            if line != self._read.get((line.order_id, line.line_id))
        ]
        if lines:
            await self._conn.execute(_SAVE_LINES, arrays(_LINE_COLUMNS, lines))

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
        await self._conn.execute(_SAVE_SKU_NAMES, arrays(_NAME_COLUMNS, rows))


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


def _line(row: Any) -> LineProjection:
    words, code, parameters = row[_REASON : _REASON + 3]
    reason = Reason(words, code, parameters or {})
    fields: list[Any] = [*row[:_REASON], reason, *row[_REASON + 3 : _BASELINE], LineStatus(*row[_BASELINE:])]
    return LineProjection(*fields)


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
        line.granted,
        line.waiting,
        line.declined,
        line.reason.words,
        line.reason.code,
        orjson.dumps(line.reason.parameters).decode() if line.reason.parameters else None,
        line.promise_date,
        line.baseline.granted,
        line.baseline.waiting,
        line.baseline.declined,
        line.baseline.cancelled,
        line.baseline.promise_date,
    )
