"""Reading SKUs and orders into the book."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.policy_choice import load_policies
from allocation_service.adapters.policy_inputs import load_policy_inputs
from allocation_service.application.book import Book, Order, Recheck
from allocation_service.domain.line import Entry, Line
from allocation_service.domain.sku import Inbound, Level, Sku
from service_kit.statements import Statement, driver_within

_MISSING = Statement(
    "INSERT INTO sku (sku) SELECT s FROM unnest(CAST(:skus AS text[])) AS s"
    ' WHERE NOT EXISTS (SELECT FROM sku WHERE sku.sku = s) ORDER BY s COLLATE "C" ON CONFLICT DO NOTHING'
)
_LOCK = Statement("SELECT * FROM sku WHERE sku = ANY(CAST(:skus AS text[])) ORDER BY sku FOR UPDATE")


def _aggregated(names: str, rows: str) -> str:
    """One row: an array for each column."""
    return f"(SELECT {', '.join(f'array_agg({name})' for name in names.split(', '))} FROM ({rows}) AS found)"


_OF_SKUS = "sku = ANY(CAST(:skus AS text[]))"
_BELONGINGS = {
    "levels": ("sku, location, on_hand, shipped, version, priority, granted", f"stock_level WHERE {_OF_SKUS}"),
    "inbound": (
        "sku, po_line, remaining, eta, supplier, location, version",
        f"inbound WHERE {_OF_SKUS} AND remaining > 0"
        " UNION SELECT * FROM inbound WHERE po_line = ANY(CAST(:po_lines AS text[]))",
    ),
    "promised": ("sku, promise_date, units", f"promised WHERE {_OF_SKUS} AND units <> 0"),
    "pending": ("sku, order_id", f"recheck_sku WHERE {_OF_SKUS}"),
}
# One way to the server and back for all that belongs to SKUs: of few SKUs, the ways are what it costs.
_READ = Statement(
    "SELECT * FROM "
    + " CROSS JOIN ".join(
        f"{_aggregated(names, f'SELECT * FROM {rows}')} AS {table}" for table, (names, rows) in _BELONGINGS.items()
    )
)

_PEEK = Statement("SELECT * FROM sku WHERE sku = ANY(CAST(:skus AS text[]))")


async def lock_skus(conn: AsyncConnection, book: Book, skus: list[str], po_lines: list[str]) -> None:
    """Rules 11 and 12: make the rows that are missing, lock all in sorted order, read what belongs to them."""
    await _MISSING.within(conn, {"skus": skus})
    await _read_skus(conn, book, _LOCK, skus, po_lines)
    for sku in list(book.skus.values()):
        book.add_sku(sku)


async def peek_skus(conn: AsyncConnection, skus: Iterable[str], now: datetime | None = None) -> dict[str, Sku]:
    """SKUs as they are committed, with the policies of ``now``, without locks; unknown ones are left out."""
    book = Book()
    names = list(skus)
    if now is not None:
        book.causes = dict.fromkeys(names, now)
    await _read_skus(conn, book, _PEEK, names, [])
    return book.skus


async def reload_policies(conn: AsyncConnection, book: Book, skus: Collection[str]) -> None:
    """Give locked SKUs the policies of their categories of now, and what those go by."""
    moved = [book.skus[sku] for sku in skus]
    await load_policies(conn, moved, book.causes)
    for sku in moved:
        sku.daily, sku.kept_back = {}, 0
        sku.quota_used.clear()
        sku.kept_for.clear()
    await load_policy_inputs(conn, moved, book.grace_days)
    for name in book.quotas_cleared.intersection(skus):
        book.skus[name].quota_used.clear()


async def _read_skus(
    conn: AsyncConnection, book: Book, statement: Statement, skus: list[str], po_lines: list[str]
) -> None:
    for row in await statement.within(conn, {"skus": skus}):
        book.skus[row["sku"]] = Sku(
            row["sku"], row["known"], row["mode"], row["cap"], row["release_at"], row["lead_time_days"],
            row["category"], row["policy_version"], row["last_now"], row["waiting_units"], row["top_value"],
            open_loans=row["open_loans"], backed_through=row["backed_through"],
        )  # fmt: skip
    await load_policies(conn, book.skus.values(), book.causes)
    levels, inbound, promised, pending = await _belongings(conn, skus, po_lines)
    for name, location, *rest in levels:
        book.skus[name].levels[location] = Level(location, *rest)
    for name, po_line, *rest in inbound:
        if name in book.skus:
            book.skus[name].inbound[po_line] = Inbound(po_line, *rest)
    for name, day, units in promised:
        book.skus[name].promised[day] = units
    for name, order_id in pending:
        book.pending.setdefault(name, set()).add(order_id)
    await load_policy_inputs(conn, book.skus.values(), book.grace_days)


async def _belongings(conn: AsyncConnection, skus: list[str], po_lines: list[str]) -> Iterator[Iterable[Any]]:
    """Rows of ``_BELONGINGS``, table by table."""
    (row,) = await _READ.within(conn, {"skus": skus, "po_lines": po_lines})
    columns = iter(row)
    return (zip(*(next(columns) or () for _ in names.split(", ")), strict=True) for names, _ in _BELONGINGS.values())


HEADER = (
    "basis, reference, placed_at, ship_complete, customer_id, tier, tier_rank, channel, region, needed_by,"
    " latest_acceptable, preference, correlation_id, placed, answer_due, bypassed"
)
"""Columns of an order beside its id."""

_ORDERS = "SELECT * FROM customer_order WHERE order_id = ANY($1::text[])"
_LINES_OF_ORDERS = "SELECT * FROM demand WHERE order_id = ANY($1::text[]) ORDER BY line_id"
_LINES = "SELECT * FROM demand WHERE line_id = ANY($1::text[])"
_COMMITMENTS = (
    "SELECT line_id, location, granted, shipped FROM commitment WHERE line_id = ANY($1::text[])"
    " ORDER BY line_id, location"
)


async def fetch(conn: AsyncConnection, statement: str, *values: Any) -> Sequence[Any]:
    """Rows straight from the driver, by column name or number: for statements that read a great many."""
    driver = await driver_within(conn)
    found: Sequence[Any] = await driver.fetch(statement, *values)
    return found


class FoundOrders(NamedTuple):
    """Rows of whole orders, read but not entered."""

    headers: Sequence[Any] = ()
    lines: Sequence[Any] = ()
    commitments: Sequence[Any] = ()


async def find_orders(conn: AsyncConnection, order_ids: Collection[str]) -> FoundOrders:
    """Read orders with all of their lines; unknown ones are left out."""
    ids = list(order_ids)
    if not ids:
        return FoundOrders()
    headers = await fetch(conn, _ORDERS, ids)
    if not headers:
        return FoundOrders()
    known = {row["order_id"] for row in headers}
    lines = [row for row in await fetch(conn, _LINES_OF_ORDERS, ids) if row["order_id"] in known]
    return FoundOrders(headers, lines, await commitments_of(conn, lines))


def enter_orders(book: Book, found: FoundOrders) -> None:
    """Enter whole orders; what the book has of them stays."""
    for row in found.headers:
        if row["order_id"] not in book.orders:
            enter_header(book, row)
    enter_lines(book, found.lines, found.commitments)
    for row in found.headers:
        book.orders[row["order_id"]].whole = True


async def load_orders(conn: AsyncConnection, book: Book, order_ids: Collection[str]) -> None:
    """Read and enter orders with all of their lines; unknown ones are left out."""
    missing = [one for one in order_ids if one not in book.orders or not book.orders[one].whole]
    enter_orders(book, await find_orders(conn, missing))


async def load_headers(conn: AsyncConnection, book: Book, order_ids: Collection[str]) -> None:
    """Enter the headers of orders that are not in the book."""
    missing = [one for one in order_ids if one not in book.orders]
    if missing:
        for row in await fetch(conn, _ORDERS, missing):
            enter_header(book, row)


def enter_header(book: Book, row: Any) -> None:
    """Enter an order from a row with its columns."""
    order_id = row["order_id"]
    book.orders[order_id] = Order(
        order_id, row["basis"], row["reference"], row["placed_at"], row["ship_complete"], row["customer_id"],
        row["tier"], row["tier_rank"], row["channel"], row["region"], row["needed_by"], row["latest_acceptable"],
        row["preference"], row["correlation_id"], row["placed"], row["answer_due"], row["bypassed"], stored=True,
    )  # fmt: skip


async def load_lines(conn: AsyncConnection, book: Book, line_ids: Collection[str]) -> None:
    """Enter single lines with the headers of their orders."""
    missing = [one for one in line_ids if one not in book.lines]
    if not missing:
        return
    rows = await fetch(conn, _LINES, missing)
    await load_headers(conn, book, {row["order_id"] for row in rows})
    enter_lines(book, rows, await commitments_of(conn, rows))


async def commitments_of(conn: AsyncConnection, rows: Iterable[Any]) -> Sequence[Any]:
    """What lines (rows with the columns of ``demand``) were granted, per location."""
    granted = [row["line_id"] for row in rows if row["granted_units"]]
    return await fetch(conn, _COMMITMENTS, granted) if granted else ()


def enter_lines(book: Book, rows: Iterable[Any], commitments: Iterable[Any]) -> None:
    """Enter lines from rows with the columns of ``demand``, and what they were granted; their orders are
    there. Lines that the book has are newer than any row."""
    entered = set()
    for row in rows:
        line_id = row["line_id"]
        if line_id in book.lines:
            continue
        live, layers = row["live_units"], row["layers"]
        if layers:
            entries = [Entry(datetime.fromisoformat(at), units) for at, units in _decoded(layers)]
        else:
            entries = [Entry(row["queued_at"], live)] if live else []
        if row["granted_units"]:
            entered.add(line_id)
        book.add_line(
            Line(
                line_id, row["order_id"], row["sku"], row["quantity"], row["cancelled"], row["declined"],
                row["undecided"], {}, {}, entries, row["granted_units"], live, row["line_version"], row["reason"],
                row["promise_date"], row["promise_revision"], row["promise_cause"], row["unit_value"],
            )
        )  # fmt: skip
    for line_id, location, units, shipped in commitments:
        if line_id in entered:
            line = book.lines[line_id]
            line.granted[location] = units
            if shipped:
                line.shipped[location] = shipped


_OPEN = Statement(
    """
    SELECT r.id, r.order_id, r.cause, r.cause_time, s.skus
    FROM recheck AS r
    CROSS JOIN LATERAL (SELECT array_agg(sku ORDER BY sku) AS skus FROM recheck_sku WHERE order_id = r.order_id) AS s
    WHERE r.order_id IN (SELECT order_id FROM recheck_sku WHERE sku = ANY(CAST(:skus AS text[])))
    ORDER BY r.id
    """
)


async def open_rechecks(conn: AsyncConnection, book: Book, order_ids: Sequence[str]) -> list[str]:
    """Those of ``order_ids`` that still wait, all of whose SKUs are locked, and no older one stands before."""
    asked, ready = set(order_ids), []
    taken: set[str] = set()
    for _, order_id, cause, cause_time, found in await _OPEN.within(conn, {"skus": list(book.skus)}):
        skus = found or []
        if order_id in asked and not taken.intersection(skus) and all(sku in book.skus for sku in skus):
            ready.append(order_id)
            book.rechecks_due[order_id] = Recheck(order_id, cause, cause_time, tuple(skus))
        else:
            taken.update(skus)
    return ready


def _decoded(document: Any) -> Any:
    """A jsonb column: the driver hands out text, SQLAlchemy's own codec the value."""
    return orjson.loads(document) if isinstance(document, str | bytes) else document
