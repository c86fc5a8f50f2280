"""What the API shows: the queue, decisions and policies. Pages are read by index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.domain.policy import Sort
from allocation_service.domain.standing import Ahead

_KEYS = {Sort.FIFO: ("queued_at", "line_id"), Sort.PRIORITY: ("tier_rank", "needed_by", "queued_at", "line_id")}
_TYPES = {"queued_at": "timestamptz", "line_id": "text", "tier_rank": "int", "needed_by": "date"}
_CLASS = {0: "q.promise_date < :protected_before", 1: "(q.promise_date IS NULL OR q.promise_date >= :protected_before)"}


def queue_key(sort: Sort, row: Any) -> tuple[Any, ...]:
    """The values of a queue row that its place is decided by."""
    return tuple(getattr(row, name) for name in _KEYS[sort])


class ServedOrder(NamedTuple):
    """How a SKU's queue is served: its sort, and the day before which promises are protected."""

    sku: str
    sort: Sort
    protected_before: date


async def queue_page(
    conn: AsyncConnection, queue: ServedOrder, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Row[Any]]:
    """Queue entries of a SKU in the order they are served; ``after`` is (class, *key)."""
    found: list[Row[Any]] = []
    for number in (0, 1):
        if (after is None or after[0] <= number) and len(found) < limit:
            key = after[1:] if after is not None and after[0] == number else None
            statement, values = _part(queue, number, key)
            found += (await conn.execute(statement, values | {"limit": limit - len(found)})).all()
    return found


def _part(queue: ServedOrder, number: int, key: tuple[Any, ...] | None) -> tuple[TextClause, dict[str, Any]]:
    """The protected (0) or other (1) part of a queue, behind ``key``."""
    names = _KEYS[queue.sort]
    more = ""
    values: dict[str, Any] = {"sku": queue.sku, "protected_before": queue.protected_before, "number": number}
    if key is not None:
        marks = ", ".join(f"CAST(:k{n} AS {_TYPES[name]})" for n, name in enumerate(names))
        more = f"AND ({', '.join('q.' + name for name in names)}) > ({marks})"
        values |= {f"k{n}": value for n, value in enumerate(key)}
    order = ", ".join("q." + name for name in names)
    statement = f"""
        SELECT CAST(:number AS int) AS class, q.*, d.promise_revision, o.reference
        FROM queue_entry AS q JOIN demand AS d USING (line_id) JOIN customer_order AS o ON o.order_id = q.order_id
        WHERE q.sku = :sku AND {_CLASS[number]} {more} ORDER BY {order} LIMIT :limit
        """
    return text(statement), values


async def ahead_of(conn: AsyncConnection, entry: Any, queue: ServedOrder) -> Ahead:
    """What stands before an entry of a queue that is served in an index's order."""
    names = _KEYS[queue.sort]
    protected = entry.promise_date is not None and entry.promise_date < queue.protected_before
    marks = ", ".join(f"CAST(:k{n} AS {_TYPES[name]})" for n, name in enumerate(names))
    own = _CLASS[0 if protected else 1]
    ahead = "false" if protected else _CLASS[0]
    statement = text(
        f"""
        SELECT count(*), coalesce(sum(quantity), 0) FROM queue_entry AS q
        WHERE q.sku = :sku AND (({ahead}) OR ({own} AND ({", ".join("q." + name for name in names)}) < ({marks})))
        """
    )
    values = {"sku": queue.sku, "protected_before": queue.protected_before}
    values |= {f"k{n}": value for n, value in enumerate(queue_key(queue.sort, entry))}
    lines, units = (await conn.execute(statement, values)).one()
    return Ahead(lines, int(units))


async def entries_of_order(conn: AsyncConnection, order_id: str) -> Sequence[Row[Any]]:
    """Queue entries of an order, by line."""
    statement = text(
        """
        SELECT q.*, d.promise_revision, o.reference
        FROM demand AS d JOIN queue_entry AS q USING (line_id) JOIN customer_order AS o ON o.order_id = d.order_id
        WHERE d.order_id = :order_id ORDER BY q.line_id, q.queued_at
        """
    )
    return (await conn.execute(statement, {"order_id": order_id})).all()


async def list_decisions(
    conn: AsyncConnection, *, sku: str | None, line_id: str | None, before: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Decisions about a SKU or a line, newest first."""
    table = "decision_sku" if sku is not None else "decision_line"
    column = "sku" if sku is not None else "line_id"
    more = "AND f.decision_id < :before" if before is not None else ""
    statement = text(
        f"""
        SELECT d.decision_id, d.cause, d.cause_type, d.decided_at, d.digest, d.recorded_at,
               d.summary IS NOT NULL AS summarised
        FROM (SELECT DISTINCT f.decision_id FROM {table} AS f WHERE f.{column} = :value {more}
              ORDER BY f.decision_id DESC LIMIT :limit) AS chosen
        JOIN decision AS d USING (decision_id) ORDER BY d.decision_id DESC
        """
    )
    values = {"value": sku if sku is not None else line_id, "limit": limit}
    return (await conn.execute(statement, values | ({"before": before} if before is not None else {}))).all()


async def decision(conn: AsyncConnection, decision_id: str) -> Row[Any] | None:
    """One decision with its steps."""
    statement = text("SELECT *, CAST(steps AS text) AS steps_text FROM decision WHERE decision_id = :id")
    return (await conn.execute(statement, {"id": decision_id})).one_or_none()


async def decision_lines(
    conn: AsyncConnection, decision_id: str, after: tuple[int, int] | None, limit: int
) -> Sequence[Row[Any]]:
    """Lines of a decision by step and rank."""
    statement = text(
        """
        SELECT step, rank, line_id, sku, quantity, granted, reason, CAST(facts AS text) AS facts FROM decision_line
        WHERE decision_id = :id AND (step, rank) > (CAST(:step AS int), CAST(:rank AS int))
        ORDER BY step, rank LIMIT :limit
        """
    )
    step, rank = after or (-1, 0)
    return (await conn.execute(statement, {"id": decision_id, "step": step, "rank": rank, "limit": limit})).all()
