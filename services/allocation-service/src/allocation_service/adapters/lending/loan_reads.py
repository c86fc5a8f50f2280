"""What lending goes by: open loans, how late deliveries were, who waits urgently and who could lend."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.lending.loan_writes import LOAN_NAMES
from allocation_service.adapters.store import session_reads
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.lending.loan import KeptLoan
from allocation_service.domain.policies.policy import NO_DATE
from allocation_service.domain.supply.lateness import WINDOW, WINDOW_DAYS, Evidence, Lateness, lateness

_LOANS = text(f"SELECT {', '.join(LOAN_NAMES)} FROM loan WHERE sku = :sku AND closed_at IS NULL ORDER BY loan_id")


async def load_loans(conn: AsyncConnection, session: AllocationSession, sku: str) -> None:
    """Enter a SKU's open loans, and their lenders' lines as far as the session has forgotten them."""
    if sku not in session.loans:
        rows = (await conn.execute(_LOANS, {"sku": sku})).all()
        session.loans[sku] = [KeptLoan(*row) for row in rows]
    await session_reads.load_lines(conn, session, {one.lender_line for one in session.loans[sku] if one.owed})


# Lines of one purchase order come together: the same supplier, date and arrival are one observation. Only dates
# that are over count, whether the delivery came or not: early ones among those still to come would flatter.
_OUTCOMES = """
    SELECT DISTINCT supplier, eta, days_late FROM (
        SELECT supplier, eta, CASE WHEN observed_at IS NOT NULL THEN days_late END AS days_late
        FROM inbound_lateness
        WHERE {supplier} eta < :today AND eta >= :since AND lead_from >= :lead AND (lead_to IS NULL OR lead_to <= :lead)
        ORDER BY eta DESC LIMIT :rows
    ) AS over ORDER BY eta DESC LIMIT :window
    """
_OWN = text(_OUTCOMES.format(supplier="supplier = :supplier AND"))
_EVERYBODY = text(_OUTCOMES.format(supplier=""))
_LINES_A_DELIVERY = 10
"""Lines of a delivery that are expected at most where observations are counted by the delivery."""


async def load_evidence(
    conn: AsyncConnection, session: AllocationSession, supplier: str, lead_days: int, today: date
) -> None:
    """Enter how late deliveries came against the date that stood ``lead_days`` before it."""
    values = {
        "today": today,
        "since": today - timedelta(days=WINDOW_DAYS),
        "lead": lead_days,
        "rows": WINDOW * _LINES_A_DELIVERY,
        "window": WINDOW,
    }
    own = [row.days_late for row in (await conn.execute(_OWN, {**values, "supplier": supplier})).all()]
    everybody = Lateness()
    if len(own) < WINDOW:
        everybody = lateness(row.days_late for row in (await conn.execute(_EVERYBODY, values)).all())
    session.evidence[supplier, lead_days] = Evidence(lateness(own), everybody)


_URGENT = text(
    """
    WITH RECURSIVE tier (rank) AS (
        SELECT min(tier_rank) FROM queue_entry WHERE sku = :sku
        UNION ALL
        SELECT (SELECT min(tier_rank) FROM queue_entry WHERE sku = :sku AND tier_rank > tier.rank)
        FROM tier WHERE tier.rank IS NOT NULL
    ), due AS (
        SELECT rank, (CAST(:joined AS timestamptz[]))[least(rank + 1, cardinality(:joined))] AS joined,
               (CAST(:due_days AS int[]))[least(rank + 1, cardinality(:joined))] AS days
        FROM tier WHERE rank IS NOT NULL
    )
    SELECT found.line_id FROM due CROSS JOIN LATERAL (
        (SELECT line_id, needed_by AS day, queued_at FROM queue_entry
         WHERE sku = :sku AND tier_rank = due.rank AND needed_by < :before AND NOT ship_complete
         ORDER BY needed_by, queued_at, line_id LIMIT :limit)
        UNION ALL
        (SELECT line_id, CAST(queued_at AT TIME ZONE 'UTC' AS date) + due.days, queued_at FROM queue_entry
         WHERE sku = :sku AND tier_rank = due.rank AND needed_by = :no_date AND queued_at < due.joined
           AND NOT ship_complete
         ORDER BY queued_at, line_id LIMIT :limit)
    ) AS found
    ORDER BY day, queued_at, line_id LIMIT :limit
    """
)


async def load_urgent(conn: AsyncConnection, session: AllocationSession, sku: str, before: date, limit: int) -> None:
    """Enter the lines that are due soonest; where no date was asked for, by what their tier may expect."""
    days = [tier.due_days for tier in session.skus[sku].policy.tiers]
    joined = [datetime.combine(before - timedelta(days=one), time(), UTC) for one in days]
    values = {"sku": sku, "before": before, "limit": limit, "joined": joined, "due_days": days, "no_date": NO_DATE}
    await session_reads.load_lines(conn, session, list((await conn.execute(_URGENT, values)).scalars()))


_LENDERS = text(
    """
    SELECT d.line_id FROM (
        SELECT DISTINCT line_id FROM commitment WHERE sku = :sku AND granted > shipped
    ) AS holding
    JOIN demand AS d USING (line_id)
    JOIN customer_order AS o USING (order_id)
    WHERE NOT o.ship_complete AND d.live_units = d.granted_units AND least(o.needed_by, d.promise_date) > :after
      AND NOT EXISTS (SELECT FROM loan WHERE lender_line = d.line_id)
      AND NOT EXISTS (SELECT FROM loan WHERE borrower_line = d.line_id)
      AND NOT EXISTS (SELECT FROM pinned_line AS pin WHERE pin.line_id = d.line_id)
    ORDER BY least(o.needed_by, d.promise_date) DESC, o.tier_rank DESC, d.queued_at DESC, d.line_id DESC LIMIT :limit
    """
)


async def find_lenders(
    conn: AsyncConnection, session: AllocationSession, sku: str, after: date, limit: int
) -> Collection[str]:
    """Enter the lines that could lend, whoever needs its units last first. Nobody lends twice, nor what it
    borrowed, nor what a person fixed."""
    found = list((await conn.execute(_LENDERS, {"sku": sku, "after": after, "limit": limit})).scalars())
    await session_reads.load_lines(conn, session, found)
    return found
