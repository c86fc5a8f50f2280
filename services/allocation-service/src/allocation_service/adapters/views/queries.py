"""What the API shows: the queue, decisions and policies. Pages are read by index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.queue.priority_bands import COLUMNS, BandPart, PriorityBands, key_of, part_of
from allocation_service.application.decisions.decision_records import IndexedQueue
from allocation_service.domain.decisions.queue_position import Ahead
from allocation_service.domain.policies.policy import Sort

_TYPES = {"queued_at": "timestamptz", "line_id": "text", "tier_rank": "int", "needed_by": "date"}
_QUEUE = PriorityBands("CAST(:through AS date)", "CAST(:before AS date)", "q.")


async def queue_page(
    conn: AsyncConnection, queue: IndexedQueue, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Row[Any]]:
    """Queue entries of a SKU in the order they are served, behind the one whose ``key_of`` is ``after``."""
    found: list[Row[Any]] = []
    first = part_of(after[0]) if after is not None else 0
    for number, part in enumerate(_QUEUE.parts(queue.sort)):
        if number >= first and len(found) < limit:
            statement, values = _part(queue, part, after if number == first else None)
            found += (await conn.execute(statement, values | {"limit": limit - len(found)})).all()
    return found


def _part(queue: IndexedQueue, part: BandPart, after: tuple[Any, ...] | None) -> tuple[TextClause, dict[str, Any]]:
    """One part of a queue, behind a place in it: an index is read from there."""
    more = ""
    values: dict[str, Any] = {"sku": queue.sku, **queue.protection._asdict()}
    if after is not None:
        marks = _marks(queue.sort)
        more = f"AND ({part.order}) > ({', '.join(marks[n] for n in part.of_key)})"
        values |= {f"k{n}": after[n] for n in part.of_key}
    statement = f"""
        SELECT q.*, d.promise_revision, o.reference
        FROM queue_entry AS q JOIN demand AS d USING (line_id) JOIN customer_order AS o ON o.order_id = q.order_id
        WHERE q.sku = :sku AND {part.condition} {more} ORDER BY {part.order} LIMIT :limit
        """
    return text(statement), values


async def ahead_of(conn: AsyncConnection, entry: Any, queue: IndexedQueue) -> Ahead:
    """What stands before an entry of a queue that is served in an index's order."""
    statement = text(
        f"""
        SELECT count(*), coalesce(sum(quantity), 0) FROM queue_entry AS q
        WHERE q.sku = :sku AND ({_QUEUE.key(queue.sort)}) < ({", ".join(_marks(queue.sort))})
        """
    )
    key = key_of(entry, queue.sort, queue.protection)
    values = {"sku": queue.sku, **queue.protection._asdict()} | {f"k{n}": value for n, value in enumerate(key)}
    lines, units = (await conn.execute(statement, values)).one()
    return Ahead(lines, int(units))


def _marks(sort: Sort) -> list[str]:
    """A place in a queue as parameters of a statement."""
    types = ("date", *(_TYPES[name] for name in COLUMNS[sort]))
    return [f"CAST(:k{n} AS {kind})" for n, kind in enumerate(types)]


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
        SELECT step, rank, line_id, sku, quantity, granted, reason, reason_code, reason_parameters,
               CAST(facts AS text) AS facts
        FROM decision_line
        WHERE decision_id = :id AND (step, rank) > (CAST(:step AS int), CAST(:rank AS int))
        ORDER BY step, rank LIMIT :limit
        """
    )
    step, rank = after or (-1, 0)
    return (await conn.execute(statement, {"id": decision_id, "step": step, "rank": rank, "limit": limit})).all()
