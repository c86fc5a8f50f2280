"""Reading one line with its places in the queue and what was decided about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.queue.priority_bands import PriorityBands
from allocation_service.adapters.queue.unindexed_page import has_index
from allocation_service.adapters.views.queries import ahead_of
from allocation_service.application.decisions.decision_records import IndexedQueue
from allocation_service.domain.decisions.queue_position import Ahead, PromisedClaim
from allocation_service.domain.policies.policy import Moment
from allocation_service.domain.policies.sorting import Protection, Ranking
from allocation_service.domain.supply.sku import Sku

_LINE = text(
    """
    SELECT d.line_id, d.order_id, d.sku, d.quantity, d.cancelled, d.declined, d.undecided, d.granted_units,
           d.live_units, d.reason, d.reason_code, d.reason_parameters, d.promise_date, d.promise_revision,
           d.promise_cause, d.unit_value, d.claim_date, d.backed, d.promise_basis, d.promise_source,
           d.promise_table, d.ship_by,
           o.reference, o.ship_complete, o.customer_id, o.tier, o.tier_rank, o.channel, o.region, o.needed_by,
           o.latest_acceptable,
           o.placed_at, o.preference, o.bypassed,
           CAST((SELECT coalesce(sum(c.shipped), 0) FROM commitment AS c WHERE c.line_id = d.line_id) AS bigint)
               AS shipped
    FROM demand AS d JOIN customer_order AS o USING (order_id) WHERE d.line_id = :line_id
    """
)
_PLACES = text("SELECT * FROM queue_entry WHERE line_id = :line_id ORDER BY queued_at")
_OTHER_WAITING_LINES = text(
    "SELECT line_id, sku, live_units - granted_units AS units, promise_date FROM demand"
    " WHERE order_id = :order_id AND line_id <> :line_id AND live_units > granted_units ORDER BY line_id"
)
_PROMISED_BEFORE = text(
    "SELECT coalesce(sum(quantity), 0) FROM queue_entry WHERE sku = :sku"
    " AND backed = :backed AND claim_date = CAST(:day AS date)"
    " AND (queued_at, line_id) < (CAST(:queued_at AS timestamptz), CAST(:line_id AS text))"
)
_DECISIONS = text(
    """
    SELECT l.decision_id, l.step, l.rank, l.quantity, l.granted, l.reason, l.reason_code, l.reason_parameters,
           d.cause, d.cause_type, d.decided_at,
           p.policy ->> 'name' AS policy_name, CAST(p.policy ->> 'version' AS int) AS policy_version
    FROM (SELECT * FROM decision_line WHERE line_id = :line_id ORDER BY decision_id DESC LIMIT :limit) AS l
    JOIN decision AS d USING (decision_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(d.steps -> l.step -> 'policy', d.steps -> l.step -> 'followed' -> l.sku, (
            SELECT jsonb_agg(one) -> 0 FROM jsonb_array_elements(d.summary -> 'policies') AS one
            WHERE one -> 'steps' @> to_jsonb(l.step) HAVING count(*) = 1)) AS policy
    ) AS p
    ORDER BY l.decision_id DESC, l.step DESC, l.rank DESC
    """
)
_QUEUE = PriorityBands("CAST(:through AS date)", "CAST(:before AS date)")
_CLASSES = text(
    f"""
    SELECT '' AS line_id, tier_rank, needed_by, min(queued_at) AS queued_at, min(promise_date) AS promise_date,
           min(claim_date) AS claim_date, bool_and(backed) AS backed, min(unit_value) AS unit_value,
           count(*) AS lines, sum(quantity) AS units,
           count(*) FILTER (WHERE (queued_at, line_id) < (CAST(:queued_at AS timestamptz), CAST(:line_id AS text)))
               AS earlier_lines,
           sum(quantity) FILTER (
               WHERE (queued_at, line_id) < (CAST(:queued_at AS timestamptz), CAST(:line_id AS text))) AS earlier_units
    FROM queue_entry WHERE sku = :sku
    GROUP BY tier_rank, needed_by, {_QUEUE.band()},
             length(ltrim(CAST(CAST(greatest(0, unit_value) / 100 AS bit(64)) AS text), '0')),
             CAST(queued_at AT TIME ZONE 'UTC' AS date), queued_at < CAST(:oldest AS timestamptz),
             floor(extract(epoch FROM CAST(:now AS timestamptz) - queued_at) / 86400)
    """
)
"""A queue in classes whose places differ in nothing a sort looks at, save the moment they joined: the day they
joined, how many whole days ago, whether a promise or their age puts them on top, the band of their value."""


async def line(conn: AsyncConnection, line_id: str) -> Row[Any] | None:
    """A line with its order and what has been shipped of it."""
    return (await conn.execute(_LINE, {"line_id": line_id})).one_or_none()


async def places(conn: AsyncConnection, line_id: str) -> Sequence[Row[Any]]:
    """The line's places in the queue, the oldest first."""
    return (await conn.execute(_PLACES, {"line_id": line_id})).all()


async def other_waiting_lines(conn: AsyncConnection, order_id: str, line_id: str) -> Sequence[Row[Any]]:
    """The other lines of an order that wait."""
    return (await conn.execute(_OTHER_WAITING_LINES, {"order_id": order_id, "line_id": line_id})).all()


async def decided(conn: AsyncConnection, line_id: str, limit: int) -> Sequence[Row[Any]]:
    """What was decided about a line, newest first."""
    return (await conn.execute(_DECISIONS, {"line_id": line_id, "limit": limit})).all()


async def promised_before(conn: AsyncConnection, place: Any, sku: Sku) -> PromisedClaim:
    """A place by its claim and then by the queue, those that known supply backs before the others, as they are
    counted."""
    counters = sku.counters
    if place.backed:
        earlier = sum(backed for day, (_, backed) in counters.claimed.items() if day < place.claim_date)
    else:
        unbacked = (units - backed for day, (units, backed) in counters.claimed.items() if day < place.claim_date)
        earlier = counters.backed_units + sum(unbacked)
    values = {
        "sku": place.sku,
        "backed": place.backed,
        "day": place.claim_date,
        "queued_at": place.queued_at,
        "line_id": place.line_id,
    }
    same_day = (await conn.execute(_PROMISED_BEFORE, values)).scalar_one()
    return PromisedClaim(earlier + int(same_day), place.quantity)


async def ahead(conn: AsyncConnection, place: Any, sku: Sku, moment: Moment) -> Ahead:
    """What is served before a place: counted by index where one has the queue's order, else class by class."""
    policy = sku.policy
    protection = Protection.of(policy, moment)
    if has_index(policy):
        return await ahead_of(conn, place, IndexedQueue(sku.sku, policy.sort, protection))
    key = Ranking(policy, moment).key
    own = key(place)[:3]
    values = {
        "sku": sku.sku,
        "queued_at": place.queued_at,
        "line_id": place.line_id,
        **protection._asdict(),
        "now": moment.now,
        "oldest": moment.now - timedelta(days=policy.ageing.max_days if policy.ageing else 0),
    }
    lines = units = 0
    for one in (await conn.execute(_CLASSES, values)).all():
        theirs = key(one)[:3]
        if theirs < own:
            lines, units = lines + one.lines, units + int(one.units)
        elif theirs == own:
            lines, units = lines + one.earlier_lines, units + int(one.earlier_units or 0)
    return Ahead(lines, units)
