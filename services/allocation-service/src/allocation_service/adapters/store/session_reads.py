"""Reading SKUs and orders into the session."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.lateness.first_promise_writes import promise_source_of
from allocation_service.adapters.lateness.quantile_tables import rely_on_table
from allocation_service.adapters.promising.location_calendars import give_calendars
from allocation_service.adapters.store.policies_in_force import load_policies
from allocation_service.adapters.store.policy_inputs import load_policy_inputs
from allocation_service.adapters.store.reason_columns import reason_of
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.order import Order, OrderEventKind
from allocation_service.application.session.session_records import DeferredOrder
from allocation_service.domain.demand.line import Entry, Line
from allocation_service.domain.promising.line_promise import CountedUnits
from allocation_service.domain.supply.sku import Inbound, Level, Sku
from service_kit.persistence.statements import Statement, driver_within
from service_kit.runtime.believed_time import believed

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
    "levels": ("sku, location, on_hand, shipped, version, priority, granted, active", f"stock_level WHERE {_OF_SKUS}"),
    "inbound": (
        "sku, po_line, remaining, eta, supplier, location, version, ordered, ordered_at",
        f"inbound WHERE {_OF_SKUS} AND remaining > 0"
        " UNION SELECT * FROM inbound WHERE po_line = ANY(CAST(:po_lines AS text[]))",
    ),
    "promised": ("sku, promise_date, units, backed_units", f"promised WHERE {_OF_SKUS} AND units <> 0"),
    "claimed": ("sku, claim_date, units, backed_units", f"claimed WHERE {_OF_SKUS} AND units <> 0"),
    "pending": ("sku, order_id", f"recheck_sku WHERE {_OF_SKUS}"),
    "lateness": ("default_target, version", "lateness_state"),
    "calendars": ("version", "calendar_state"),
}
# One way to the server and back for all that belongs to SKUs: of few SKUs, the ways are what it costs.
_READ = Statement(
    "SELECT * FROM "
    + " CROSS JOIN ".join(
        f"{_aggregated(names, f'SELECT * FROM {rows}')} AS {table}" for table, (names, rows) in _BELONGINGS.items()
    )
)

_PEEK = Statement("SELECT * FROM sku WHERE sku = ANY(CAST(:skus AS text[]))")


async def lock_skus(
    conn: AsyncConnection, session: AllocationSession, skus: list[str], po_lines: list[str], wall: datetime
) -> None:
    """Make the rows that are missing, lock all in sorted order, and read what belongs to them; ``wall``: the clock.

    Protocol rules 11, 12 and 20, docs/protocol.md.
    """
    await _MISSING.within(conn, {"skus": skus})
    await _read_skus(conn, session, _LOCK, skus, po_lines, wall=wall)
    for sku in list(session.skus.values()):
        session.add_sku(sku)


async def lock_names(conn: AsyncConnection, skus: list[str]) -> None:
    """Make the rows that are missing, and lock all in sorted order."""
    await _MISSING.within(conn, {"skus": skus})
    await _LOCK.within(conn, {"skus": skus})


async def peek_skus(
    conn: AsyncConnection, skus: Iterable[str], now: datetime | None = None, wall: datetime | None = None
) -> dict[str, Sku]:
    """SKUs as they are committed, with the policies of ``now``, without locks; unknown ones are left out."""
    session = AllocationSession()
    names = list(skus)
    if now is not None:
        session.cause_times = dict.fromkeys(names, now)
    await _read_skus(conn, session, _PEEK, names, [], wall=wall or datetime.now(UTC))
    return session.skus


async def reload_policies(conn: AsyncConnection, session: AllocationSession, skus: Collection[str]) -> None:
    """Give locked SKUs the policies of their categories of now, and what those go by."""
    moved = [session.skus[sku] for sku in skus]
    await load_policies(conn, moved, session.cause_times)
    for sku in moved:
        sku.daily, sku.kept_back = {}, 0
        sku.quota_used.clear()
        sku.kept_for.clear()
    await load_policy_inputs(conn, moved, session.grace_days)
    for name in session.unwritten.quotas_cleared.intersection(skus):
        session.skus[name].quota_used.clear()


async def _read_skus(
    conn: AsyncConnection,
    session: AllocationSession,
    statement: Statement,
    skus: list[str],
    po_lines: list[str],
    *,
    wall: datetime,
) -> None:
    for row in await statement.within(conn, {"skus": skus}):
        # An older version took times as they were stated: a decision dated in the future is not gone by.
        last_now = None if row["last_now"] is None else believed(row["last_now"], wall)
        session.skus[row["sku"]] = Sku(
            row["sku"], row["known"], row["mode"], row["cap"], row["release_at"], row["lead_time_days"],
            row["category"], row["policy_version"], last_now, row["waiting_units"], row["top_value"],
            open_loans=row["open_loans"], merged_into=row["merged_into"], own_target=row["promise_target"],
        )  # fmt: skip
    await load_policies(conn, session.skus.values(), session.cause_times)
    levels, inbound, promised, claimed, pending, lateness, calendars = await _belongings(conn, skus, po_lines)
    for default_target, version in lateness:
        await rely_on_table(conn, session.skus.values(), default_target, version)
    for (version,) in calendars:
        await give_calendars(conn, session.skus.values(), version)
    for name, location, *rest in levels:
        session.skus[name].levels[location] = Level(location, *rest)
    for name, po_line, *rest in inbound:
        if name in session.skus:
            session.skus[name].inbound[po_line] = Inbound(po_line, *rest)
    for name, day, units, backed in promised:
        session.skus[name].counters.promised[day] = CountedUnits(units, backed)
    for name, day, units, backed in claimed:
        session.skus[name].counters.claimed[day] = CountedUnits(units, backed)
    for name, order_id in pending:
        session.pending.setdefault(name, set()).add(order_id)
    await load_policy_inputs(conn, session.skus.values(), session.grace_days)


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


def enter_orders(session: AllocationSession, found: FoundOrders) -> None:
    """Enter whole orders; what the session has of them stays."""
    for row in found.headers:
        if row["order_id"] not in session.orders:
            enter_header(session, row)
    enter_lines(session, found.lines, found.commitments)
    for row in found.headers:
        session.orders[row["order_id"]].whole = True


async def load_orders(conn: AsyncConnection, session: AllocationSession, order_ids: Collection[str]) -> None:
    """Read and enter orders with all of their lines; unknown ones are left out."""
    missing = [one for one in order_ids if one not in session.orders or not session.orders[one].whole]
    enter_orders(session, await find_orders(conn, missing))


async def load_headers(conn: AsyncConnection, session: AllocationSession, order_ids: Collection[str]) -> None:
    """Enter the headers of orders that are not in the session."""
    missing = [one for one in order_ids if one not in session.orders]
    if missing:
        for row in await fetch(conn, _ORDERS, missing):
            enter_header(session, row)


def enter_header(session: AllocationSession, row: Any) -> None:
    """Enter an order from a row with its columns."""
    order_id = row["order_id"]
    session.orders[order_id] = Order(
        order_id, row["basis"], row["reference"], row["placed_at"], row["ship_complete"], row["customer_id"],
        row["tier"], row["tier_rank"], row["channel"], row["region"], row["needed_by"], row["latest_acceptable"],
        row["preference"], row["correlation_id"], row["placed"],
        row["answer_due"] and OrderEventKind(row["answer_due"]), row["bypassed"], stored=True,
    )  # fmt: skip


async def load_lines(conn: AsyncConnection, session: AllocationSession, line_ids: Collection[str]) -> None:
    """Enter single lines with the headers of their orders."""
    missing = [one for one in line_ids if one not in session.lines]
    if not missing:
        return
    rows = await fetch(conn, _LINES, missing)
    await load_headers(conn, session, {row["order_id"] for row in rows})
    enter_lines(session, rows, await commitments_of(conn, rows))


async def commitments_of(conn: AsyncConnection, rows: Iterable[Any]) -> Sequence[Any]:
    """What lines (rows with the columns of ``demand``) were granted, per location."""
    granted = [row["line_id"] for row in rows if row["granted_units"]]
    return await fetch(conn, _COMMITMENTS, granted) if granted else ()


def enter_lines(session: AllocationSession, rows: Iterable[Any], commitments: Iterable[Any]) -> None:
    """Enter lines from rows with the columns of ``demand``, and what they were granted; their orders are
    there. Lines that the session has are newer than any row."""
    entered = set()
    for row in rows:
        line_id = row["line_id"]
        if line_id in session.lines:
            continue
        live, layers = row["live_units"], row["layers"]
        if layers:
            entries = [Entry(datetime.fromisoformat(at), units) for at, units in _decoded(layers)]
        else:
            entries = [Entry(row["queued_at"], live)] if live else []
        if row["granted_units"]:
            entered.add(line_id)
        session.add_line(
            Line(
                line_id, row["order_id"], row["sku"], row["quantity"], row["cancelled"], row["declined"],
                row["undecided"], {}, {}, entries, row["granted_units"], live, row["line_version"],
                reason_of(row["reason"], row["reason_code"], row["reason_parameters"]), row["promise_date"],
                row["promise_revision"], row["promise_cause"], row["unit_value"],
                row["claim_date"], row["backed"],
                promise_source_of(row), row["ship_by"],
            )
        )  # fmt: skip
    for line_id, location, units, shipped in commitments:
        if line_id in entered:
            line = session.lines[line_id]
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


async def open_deferred_orders(
    conn: AsyncConnection, session: AllocationSession, order_ids: Sequence[str], wall: datetime
) -> list[str]:
    """Those of ``order_ids`` that still wait, all of whose SKUs are locked, and no older one stands before."""
    asked, ready = set(order_ids), []
    taken: set[str] = set()
    for _, order_id, cause, cause_time, found in await _OPEN.within(conn, {"skus": list(session.skus)}):
        skus = found or []
        if order_id in asked and not taken.intersection(skus) and all(sku in session.skus for sku in skus):
            ready.append(order_id)
            session.deferred_orders_due[order_id] = DeferredOrder(
                order_id, cause, believed(cause_time, wall), tuple(skus)
            )
        else:
            taken.update(skus)
    return ready


def _decoded(document: Any) -> Any:
    """A jsonb column: the driver hands out text, SQLAlchemy's own codec the value."""
    return orjson.loads(document) if isinstance(document, str | bytes) else document
