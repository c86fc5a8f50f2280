"""Reading queues by their indexes, only as far as the supply reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.queue.priority_bands import AT_RISK, COLUMNS, KEPT, REST, PriorityBands
from allocation_service.adapters.store import session_reads
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.policies.policy import NO_DATE, Demand, Key, Sort
from allocation_service.domain.policies.sorting import Protection, Ranking, sort_key

_QUEUE = PriorityBands("wanted.through", "wanted.before")


def _head(sort: Sort) -> str:
    """The head of several queues at once, with lines and orders. Each part is one index scan, and all of
    them are cut where the running sum of units that need not come together passes the reach.

    ``OFFSET 0`` keeps the look-ups of lines and orders by key: how far the supply reaches is not known
    to the planner, and reading whole tables for ten lines would be the dearest of mistakes.
    """
    scans = " UNION ALL ".join(
        f"(SELECT ({_QUEUE.key(sort)}) AS place, * FROM queue_entry"
        f" WHERE sku = wanted.sku AND (wanted.parts & {1 << number}) > 0 AND {part.condition}"
        f" ORDER BY {part.order} LIMIT wanted.lines)"
        for number, part in enumerate(_QUEUE.parts(sort))
    )
    return f"""
        SELECT q.queued_at AS entry_at, q.read, d.*, o.*
        FROM unnest($1::text[], $2::bigint[], $2::bigint[], $3::int[], $4::date[], $5::date[])
             AS wanted (sku, units, lines, parts, through, before)
        CROSS JOIN LATERAL (
            SELECT *, coalesce(sum(quantity) FILTER (WHERE NOT ship_complete) OVER (
                       ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS ahead,
                   count(*) OVER () AS read
            FROM ({scans}) AS parts
            ORDER BY place
            LIMIT wanted.lines
        ) AS q
        CROSS JOIN LATERAL (SELECT * FROM demand WHERE line_id = q.line_id OFFSET 0) AS d
        CROSS JOIN LATERAL (SELECT {session_reads.HEADER} FROM customer_order WHERE order_id = q.order_id OFFSET 0) AS o
        WHERE q.ahead < wanted.units
        ORDER BY wanted.sku, q.place
        """


_HEADS = {sort: _head(sort) for sort in COLUMNS}


async def load_queues(conn: AsyncConnection, session: AllocationSession, reach: Mapping[str, int]) -> None:
    """Read the head of each SKU's queue as far as ``reach`` units go, and enter the lines found.

    Orders that ship complete are entered whole. A queue of which nothing was left out is complete.
    """
    heads: dict[str, list[Any]] = {sku: [] for sku in reach}
    for sort in COLUMNS:
        skus = [sku for sku in reach if session.skus[sku].policy.sort is sort]
        if skus:
            units, parts = [reach[sku] for sku in skus], [_parts(session, sku) for sku in skus]
            days = zip(*(protection_of(session, sku) for sku in skus), strict=True)
            for row in await session_reads.fetch(conn, _HEADS[sort], skus, units, parts, *days):
                heads[row["sku"]].append(row)
    found = [row for rows in heads.values() for row in rows]
    await session_reads.load_orders(conn, session, {row["order_id"] for row in found if row["ship_complete"]})
    for row in found:
        if row["order_id"] not in session.orders:
            session_reads.enter_header(session, row)
    session_reads.enter_lines(session, found, await session_reads.commitments_of(conn, found))
    for sku, rows in heads.items():
        everything = len(rows) < reach[sku] and (not rows or len(rows) == rows[0]["read"])
        session.open_queue(sku, None if everything else place_key(session, sku, rows[-1]), reach[sku])


def place_key(session: AllocationSession, sku: str, row: Any) -> Key:
    """Where a row of a queue stands, with ``entry_at`` for the moment it joined."""
    place = Demand(
        row["line_id"], row["order_id"], sku, 0, row["entry_at"], row["tier_rank"], row["needed_by"] or NO_DATE,
        row["promise_date"], unit_value=row["unit_value"], claim_date=row["claim_date"], backed=row["backed"],
    )  # fmt: skip
    return sort_key(place, session.skus[sku].policy, session.moment(sku))


def _parts(session: AllocationSession, sku: str) -> int:
    """Bits of the parts of a queue in which anybody waits: of an empty one, an index would be read to its end.

    By the counters of the SKU. What this transaction has moved is still elsewhere in the table; the session has it.
    """
    protection = protection_of(session, sku)
    bits: set[int] = set()
    for day, (units, backed) in session.skus[sku].counters.claimed.items():
        kept = backed if protection.is_kept(day, backed=True) else 0
        if kept:
            bits.add(KEPT)
        if units > kept:
            bits.add(AT_RISK if protection.is_at_risk(day) else REST)
    return sum(1 << bit for bit in bits)


def protection_of(session: AllocationSession, sku: str) -> Protection:
    """Whose promises are served first."""
    return Protection.of(session.skus[sku].policy, session.moment(sku))


_HOLDINGS = {
    sort: text(
        f"""
        SELECT c.line_id, d.order_id, o.ship_complete
        FROM commitment AS c
        JOIN demand AS d USING (line_id)
        JOIN customer_order AS o USING (order_id)
        WHERE c.sku = :sku AND c.location = :location AND c.granted > c.shipped
        ORDER BY {order}
        LIMIT :limit
        """
    )
    for sort, order in {
        Sort.FIFO: "d.queued_at DESC, d.line_id DESC",
        Sort.PRIORITY: "o.tier_rank DESC, coalesce(o.needed_by, '9999-12-31') DESC, d.queued_at DESC, d.line_id DESC",
    }.items()
}


_HOLDERS = text(
    """
    SELECT c.line_id, d.order_id, d.queued_at, d.promise_date, d.claim_date, d.backed, d.unit_value, o.tier_rank,
           o.ship_complete,
           coalesce(o.needed_by, '9999-12-31') AS needed_by
    FROM commitment AS c
    JOIN demand AS d USING (line_id)
    JOIN customer_order AS o USING (order_id)
    WHERE c.sku = :sku AND c.location = :location AND c.granted > c.shipped
    """
)


async def load_holdings(conn: AsyncConnection, session: AllocationSession, sku: str, location: str, limit: int) -> None:
    """Enter the lines that hold stock of a location, the last in the queue's order first; all of them where
    a loss is shared."""
    policy = session.skus[sku].policy
    values = {"sku": sku, "location": location, "limit": limit}
    if policy.indexed:
        rows = (await conn.execute(_HOLDINGS[policy.sort], values)).all()
    else:
        rows = (await conn.execute(_HOLDERS, values)).all()
        if not policy.shared:
            # As units are taken back: promises do not count.
            key = Ranking(policy._replace(protect_promises=False), session.moment(sku)).key
            rows = sorted(rows, key=key, reverse=True)[:limit]
    await session_reads.load_orders(conn, session, {row.order_id for row in rows if row.ship_complete})
    await session_reads.load_lines(conn, session, [row.line_id for row in rows])
