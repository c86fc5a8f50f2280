"""What guarded policies go by: past demand, what quotas gave, and orders that were passed. Read for the SKUs whose
policy asks for it, kept for all of which it may ask one day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.store.write_plan import Execute, WriteStep
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.demand.demand_forecast import WINDOW_DAYS, DayUnits, daily_demand
from allocation_service.domain.supply.sku import Sku
from service_kit.persistence.bulk import Columns, arrays, insert, or_update
from service_kit.persistence.statements import Statement

_HISTORY = Statement(
    "SELECT d.sku, d.day, d.tier_rank, d.units FROM unnest(CAST(:skus AS text[]), CAST(:since AS date[]))"
    " AS wanted (sku, since) JOIN demand_day AS d ON d.sku = wanted.sku AND d.day >= wanted.since"
)
_QUOTAS = Statement("SELECT sku, field, name, units FROM quota_use WHERE sku = ANY(CAST(:skus AS text[]))")
_PASSED = Statement(
    """
    SELECT q.sku, q.order_id, sum(q.quantity) AS units
    FROM unnest(CAST(:skus AS text[]), CAST(:limits AS int[])) AS wanted (sku, passed)
    JOIN queue_entry AS q ON q.sku = wanted.sku AND q.ship_complete
    JOIN customer_order AS o ON o.order_id = q.order_id AND o.bypassed >= wanted.passed
    GROUP BY q.sku, q.order_id
    """
)


async def load_policy_inputs(conn: AsyncConnection, skus: Iterable[Sku], grace_days: int) -> None:
    """Enter what the policies of these SKUs go by; no statement where none is guarded."""
    guarded = [sku for sku in skus if sku.policy.guarded]
    held = [sku for sku in guarded if sku.policy.holdback and sku.last_now]
    if held:
        await _load_history(conn, held, grace_days)
    limited = {sku.sku: sku for sku in guarded if sku.policy.quotas}
    if limited:
        for name, field, outlet, units in await _QUOTAS.within(conn, {"skus": list(limited)}):
            limited[name].quota_used[field, outlet] = units
    bounded = {sku.sku: sku for sku in guarded if sku.policy.bypass_limit is not None}
    if bounded:
        values = {"skus": list(bounded), "limits": [sku.policy.bypass_limit for sku in bounded.values()]}
        for name, order_id, units in await _PASSED.within(conn, values):
            bounded[name].kept_for[order_id] = int(units)


async def _load_history(conn: AsyncConnection, skus: list[Sku], grace_days: int) -> None:
    since = [sku.last_now.date() - timedelta(days=WINDOW_DAYS) for sku in skus if sku.last_now]
    history: dict[str, list[DayUnits]] = {}
    for name, day, tier_rank, units in await _HISTORY.within(conn, {"skus": [sku.sku for sku in skus], "since": since}):
        history.setdefault(name, []).append(DayUnits(day, tier_rank, units))
    for sku in skus:
        if sku.last_now:
            sku.daily = daily_demand(history.get(sku.sku, ()), sku.last_now.date())
            sku.keep_back(sku.last_now, grace_days)


_OUTSIDE = Statement(
    """
    SELECT EXISTS (
        SELECT FROM queue_entry AS q JOIN customer_order AS o USING (order_id)
        WHERE q.sku = :sku AND (NOT q.ship_complete OR q.quantity <= :units)
          AND coalesce(o.channel <> ALL(CAST(:channels AS text[])), true)
          AND coalesce(o.region <> ALL(CAST(:regions AS text[])), true)
    )
    """
)


async def waits_outside(conn: AsyncConnection, sku: str, outlets: Mapping[str, Collection[str]], units: int) -> bool:
    """Whether anybody waits whose order goes to none of these outlets, and who takes parts or asks for no more than
    so many units."""
    values = {"channels": list(outlets.get("channel", ())), "regions": list(outlets.get("region", ()))}
    return bool((await _OUTSIDE.within(conn, {"sku": sku, "units": units, **values}))[0][0])


_DAY: Columns = (("sku", "text"), ("day", "date"), ("tier_rank", "int"), ("units", "bigint"))
_DAYS = Statement(
    insert(
        "demand_day AS d",
        _DAY,
        "ON CONFLICT (sku, day, tier_rank) DO UPDATE SET units = d.units + excluded.units",
    ),
    changes="demand_day",
)
_NO_QUOTAS = Statement("DELETE FROM quota_use WHERE sku = ANY(CAST(:skus AS text[]))")
_QUOTA: Columns = (("sku", "text"), ("field", "text"), ("name", "text"), ("units", "bigint"))
_QUOTA_ROWS = Statement(insert("quota_use", _QUOTA, or_update(_QUOTA, 3)))


_OVERTAKEN = Statement(
    """
    UPDATE customer_order SET bypassed = bypassed + 1
    WHERE order_id IN (
        SELECT o.order_id FROM customer_order AS o
        WHERE o.bypassed < :limit
          AND o.order_id IN (SELECT order_id FROM queue_entry WHERE sku = :sku AND ship_complete)
        ORDER BY o.order_id FOR UPDATE
    )
    """
)


# Fills of different SKUs may pass the same order at once: each adds what it saw.
_PASSES = Statement(
    """
    UPDATE customer_order AS o SET bypassed = row.passes + CASE WHEN row.anew THEN 0 ELSE o.bypassed END
    FROM (
        SELECT order_id, passes, anew
        FROM unnest(CAST(:ids AS text[]), CAST(:passes AS int[]), CAST(:anew AS boolean[])) AS row (id, passes, anew)
        JOIN customer_order ON order_id = id ORDER BY order_id FOR UPDATE OF customer_order
    ) AS row
    WHERE o.order_id = row.order_id
    """
)


def _passes(session: AllocationSession) -> Iterator[WriteStep]:
    # New orders are inserted with what they have.
    passes, restarted = session.unwritten.passes, session.unwritten.passes_restarted
    ids = sorted(one for one in passes.keys() | restarted if session.orders[one].stored)
    if ids:
        values = {"ids": ids, "passes": [passes.get(one, 0) for one in ids], "anew": [one in restarted for one in ids]}
        yield Execute(_PASSES, values)


def steps_of(session: AllocationSession) -> Iterator[WriteStep]:
    """Store what the session learnt of it. Comes after the orders themselves."""
    yield from _passes(session)
    for sku in sorted(session.unwritten.overtaken):
        yield Execute(_OVERTAKEN, {"sku": sku, "limit": session.skus[sku].policy.bypass_limit})
    if session.unwritten.ordered:
        rows = [(*key, units) for key, units in sorted(session.unwritten.ordered.items())]
        yield Execute(_DAYS, arrays(_DAY, rows))
    if session.unwritten.quotas_cleared:
        yield Execute(_NO_QUOTAS, {"skus": sorted(session.unwritten.quotas_cleared)})
    used = [
        (sku, field, name, session.skus[sku].quota_used.get((field, name), 0))
        for sku, (field, name) in sorted(session.unwritten.quotas_used)
    ]
    if used:
        yield Execute(_QUOTA_ROWS, arrays(_QUOTA, used))
