"""A stretch of a queue: the lines at some places and their orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters import reads
from allocation_service.application.book import Book

_LINES = f"""
    SELECT wanted.queued_at AS entry_at, d.*, o.*
    FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS wanted (line_id, order_id, queued_at, n)
    CROSS JOIN LATERAL (SELECT * FROM demand WHERE line_id = wanted.line_id OFFSET 0) AS d
    CROSS JOIN LATERAL (SELECT {reads.HEADER} FROM customer_order WHERE order_id = wanted.order_id OFFSET 0) AS o
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


class Stretch(NamedTuple):
    """Lines with their orders, in the order of their places, as they were read; not yet in the book."""

    rows: Sequence[Any] = ()
    commitments: Sequence[Any] = ()
    whole: reads.FoundOrders = reads.FoundOrders()


async def read_lines(conn: AsyncConnection, places: Sequence[AtPlace]) -> Stretch:
    """The lines of some places, and the whole orders of those that ship complete. Touches no book."""
    if not places:
        return Stretch()
    ids, orders = [one.line_id for one in places], [one.order_id for one in places]
    rows = await reads.fetch(conn, _LINES, ids, orders, [one.queued_at for one in places])
    together = {one.order_id for one in places if one.ship_complete}
    return Stretch(rows, await reads.commitments_of(conn, rows), await reads.find_orders(conn, together))


def enter(book: Book, stretch: Stretch) -> None:
    """Put what was read into the book."""
    reads.enter_orders(book, stretch.whole)
    for row in stretch.rows:
        if row["order_id"] not in book.orders:
            reads.enter_header(book, row)
    reads.enter_lines(book, stretch.rows, stretch.commitments)
