"""A chunk of a queue: the lines at some places and their orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.store import session_reads
from allocation_service.application.session.allocation_session import AllocationSession

_LINES = f"""
    SELECT wanted.queued_at AS entry_at, d.*, o.*
    FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS wanted (line_id, order_id, queued_at, n)
    CROSS JOIN LATERAL (SELECT * FROM demand WHERE line_id = wanted.line_id OFFSET 0) AS d
    CROSS JOIN LATERAL (
        SELECT {session_reads.HEADER} FROM customer_order WHERE order_id = wanted.order_id OFFSET 0
    ) AS o
    ORDER BY n
    """


class AtPlace(Protocol):
    """Which line stands at a place."""

    @property
    def line_id(self) -> str: ...
    @property
    def order_id(self) -> str: ...
    @property
    def queued_at(self) -> datetime: ...
    @property
    def ship_complete(self) -> bool: ...


class QueueChunk(NamedTuple):
    """Lines with their orders, in the order of their places, as they were read; not yet in the session."""

    rows: Sequence[Any] = ()
    commitments: Sequence[Any] = ()
    whole: session_reads.FoundOrders = session_reads.FoundOrders()


async def read_lines(conn: AsyncConnection, places: Sequence[AtPlace]) -> QueueChunk:
    """The lines of some places, and the whole orders of those that ship complete. Touches no session."""
    if not places:
        return QueueChunk()
    ids, orders = [one.line_id for one in places], [one.order_id for one in places]
    rows = await session_reads.fetch(conn, _LINES, ids, orders, [one.queued_at for one in places])
    together = {one.order_id for one in places if one.ship_complete}
    return QueueChunk(
        rows, await session_reads.commitments_of(conn, rows), await session_reads.find_orders(conn, together)
    )


def enter(session: AllocationSession, chunk: QueueChunk) -> None:
    """Put what was read into the session."""
    session_reads.enter_orders(session, chunk.whole)
    for row in chunk.rows:
        if row["order_id"] not in session.orders:
            session_reads.enter_header(session, row)
    session_reads.enter_lines(session, chunk.rows, chunk.commitments)
