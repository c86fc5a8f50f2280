"""Reading a long queue once, from its head, while its first places are being served already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters import reads
from allocation_service.adapters.queue_reads import ORDER, place_key, protected_before
from allocation_service.application.book import Book
from allocation_service.domain.policy import Sort


def _places(sort: Sort) -> str:
    """Places in the order they are served, cut where the units that need not come together pass the reach."""
    order = ORDER[sort]
    return f"""
        SELECT line_id, order_id, ship_complete, queued_at
        FROM (
            SELECT *, coalesce(sum(quantity) FILTER (WHERE NOT ship_complete) OVER (
                       ORDER BY class, {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
            FROM (SELECT (promise_date IS NULL OR promise_date >= $2::date)::int AS class, *
                  FROM queue_entry WHERE sku = $1) AS ranked
        ) AS counted
        WHERE before < $3::bigint ORDER BY class, {order}
        """


_PLACES: Mapping[Sort, str] = {sort: _places(sort) for sort in ORDER}
_LINES = f"""
    SELECT wanted.queued_at AS entry_at, d.*, o.*
    FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS wanted (line_id, order_id, queued_at, n)
    CROSS JOIN LATERAL (SELECT * FROM demand WHERE line_id = wanted.line_id OFFSET 0) AS d
    CROSS JOIN LATERAL (SELECT {reads.HEADER} FROM customer_order WHERE order_id = wanted.order_id OFFSET 0) AS o
    ORDER BY n
    """


class Places(NamedTuple):
    """A stretch of the queue as it was read, not yet in the book."""

    rows: Sequence[Any]
    commitments: Sequence[Any]
    whole: reads.FoundOrders


class LongQueue:
    """A queue's places in order. The places are those of the moment it was opened; the SKU's lock, held
    by the transaction, keeps them so. Lines are read as they are stored when their places are reached."""

    def __init__(self, conn: AsyncConnection, sku: str, cursor: Any, before: date) -> None:
        self._conn, self._sku, self._cursor, self._before = conn, sku, cursor, before

    @classmethod
    async def open(cls, conn: AsyncConnection, book: Book, sku: str, units: int) -> LongQueue:
        """The queue of a locked SKU, as far as that many units reach."""
        before = protected_before(book, sku)
        raw = await conn.get_raw_connection()
        driver: Any = raw.driver_connection
        return cls(conn, sku, await driver.cursor(_PLACES[book.skus[sku].policy.sort], sku, before, units), before)

    async def read(self, lines: int) -> Places | None:
        """The next places; None at the end. Touches no book."""
        places = await self._cursor.fetch(lines)
        if not places:
            return None
        ids = [place["line_id"] for place in places]
        orders = [place["order_id"] for place in places]
        rows = await reads.fetch(self._conn, _LINES, ids, orders, [place["queued_at"] for place in places])
        together = {place["order_id"] for place in places if place["ship_complete"]}
        return Places(rows, await reads.commitments_of(self._conn, rows), await reads.find_orders(self._conn, together))

    def enter(self, book: Book, places: Places) -> None:
        """Put a stretch into the book; the queue is known up to its last place."""
        reads.enter_orders(book, places.whole)
        for row in places.rows:
            if row["order_id"] not in book.orders:
                reads.enter_header(book, row)
        reads.enter_lines(book, places.rows, places.commitments)
        book.open_queue(self._sku, place_key(book, self._sku, places.rows[-1]), len(places.rows))
