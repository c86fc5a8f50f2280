"""Reading the demand that runs may be about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.store import session_reads
from allocation_service.adapters.store.worker_thread import in_thread
from allocation_service.application.runs.errors import TooManyDemands
from allocation_service.application.runs.run_inputs import MAX_DEMANDS
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.policies.policy import NO_DATE
from allocation_service.domain.runs.run import LeftAlone, RunDemand, Segment

T = TypeVar("T")


_COLUMNS = """
    SELECT d.line_id, d.order_id, d.sku, d.live_units, d.granted_units, d.undecided, d.queued_at, d.promise_date,
           d.claim_date, d.backed, d.unit_value,
           o.tier_rank, o.needed_by, o.preference, o.ship_complete, o.tier, o.customer_id, o.channel,
           o.region, p.line_id IS NOT NULL AS pinned, r.order_id IS NOT NULL AS rechecked,
           d.line_id IN (SELECT unnest(ARRAY[lender_line, borrower_line]) FROM loan WHERE closed_at IS NULL) AS lent,
           EXISTS (
               SELECT FROM commitment AS c JOIN stock_level AS l USING (sku, location)
               WHERE c.line_id = d.line_id AND c.granted > c.shipped AND NOT l.active
           ) AS shut
"""
_JOINS = """
    JOIN customer_order AS o USING (order_id)
    LEFT JOIN pinned_line AS p USING (line_id)
    LEFT JOIN recheck AS r USING (order_id)
"""
# What waits stands in the queue, what is granted and has not left in the commitments: both have their index.
_OPEN = f"""
    {_COLUMNS}
    FROM (
        SELECT line_id FROM queue_entry WHERE $1::text[] IS NULL OR sku = ANY($1::text[])
        UNION
        SELECT line_id FROM commitment WHERE granted > shipped AND ($1::text[] IS NULL OR sku = ANY($1::text[]))
    ) AS open
    JOIN demand AS d USING (line_id) {_JOINS}
    ORDER BY d.line_id LIMIT $2
"""
_OF_ORDERS = f"""
    {_COLUMNS} FROM demand AS d {_JOINS}
    WHERE d.order_id = ANY($1::text[]) AND d.live_units > 0 ORDER BY d.line_id LIMIT $2
"""
_HELD = "SELECT line_id, location, granted - shipped, shipped FROM commitment WHERE line_id = ANY($1::text[])"


class SqlRunSource:
    """Implements RunSource on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def candidates(self, segments: Sequence[Segment]) -> list[RunDemand]:
        """Every line with open units that a segment could be about, and all open lines of orders among them
        that ship complete. Read by SKU or by order where every segment names some, else all that is open.

        Raises TooManyDemands.
        """
        limit = MAX_DEMANDS + 1
        if all(one.filter.order_ids for one in segments):
            orders = sorted({order for one in segments for order in one.filter.order_ids})
            rows = list(await session_reads.fetch(self._conn, _OF_ORDERS, orders, limit))
        else:
            skus = None
            if all(one.filter.skus for one in segments):
                skus = sorted({sku for one in segments for sku in one.filter.skus})
            rows = list(await session_reads.fetch(self._conn, _OPEN, skus, limit))
            there = {row["line_id"] for row in rows}
            together = sorted({row["order_id"] for row in rows if row["ship_complete"]})
            if together and len(rows) < limit:
                more = await session_reads.fetch(self._conn, _OF_ORDERS, together, limit)
                rows += [row for row in more if row["line_id"] not in there]
        if len(rows) >= limit:
            raise TooManyDemands
        return await self._with_commitments(rows)

    async def _with_commitments(self, rows: Sequence[Any]) -> list[RunDemand]:
        granted = [row["line_id"] for row in rows if row["granted_units"]]
        held = await session_reads.fetch(self._conn, _HELD, granted) if granted else ()
        return await self.in_thread(partial(_candidates, rows, held))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do long work in a worker thread."""
        return await in_thread(self._conn, work)

    async def load_lines(
        self, session: AllocationSession, line_ids: Collection[str], order_ids: Collection[str]
    ) -> None:
        """Enter lines, and whole orders."""
        await session_reads.load_orders(self._conn, session, order_ids)
        await session_reads.load_lines(self._conn, session, line_ids)


def _candidates(rows: Sequence[Any], commitments: Sequence[Any]) -> list[RunDemand]:
    held: dict[str, list[tuple[str, int]]] = {}
    shipped: dict[str, int] = {}
    for line_id, location, units, left in commitments:
        if units:
            held.setdefault(line_id, []).append((location, units))
        if left:
            shipped[line_id] = shipped.get(line_id, 0) + left
    found = [_candidate(row, held.get(row["line_id"], ()), shipped.get(row["line_id"], 0)) for row in rows]
    return [one for one in found if one.requested or one.held is LeftAlone.UNDECIDED]


def _candidate(row: Any, held: Sequence[tuple[str, int]], shipped: int) -> RunDemand:
    why = LeftAlone.ORDER_DEFERRED if row["rechecked"] else None
    if row["undecided"]:
        why = LeftAlone.UNDECIDED
    elif row["pinned"]:
        why = LeftAlone.PINNED
    elif row["lent"]:
        why = LeftAlone.IN_LOAN
    elif row["shut"]:
        why = LeftAlone.LOCATION_INACTIVE
    return RunDemand(
        row["line_id"],
        row["order_id"],
        row["sku"],
        row["live_units"] - row["undecided"] - shipped,
        tuple(sorted(held)),
        row["queued_at"],
        row["tier_rank"],
        row["needed_by"] or NO_DATE,
        row["promise_date"],
        row["preference"],
        row["ship_complete"],
        row["tier"],
        row["customer_id"],
        row["channel"],
        row["region"],
        row["unit_value"],
        why,
        row["claim_date"],
        row["backed"],
    )
