"""What stands between a waiting line and the stock that is free now."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from allocation_service.application.allocating.guarding import context_of
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.allocating.guards import Guards, with_thresholds
from allocation_service.domain.decisions.queue_position import Held, held_until
from allocation_service.domain.policies.policy import Demand
from allocation_service.domain.policies.sorting import Ranking
from allocation_service.domain.reasons import Reason
from allocation_service.domain.supply.sku import Sku


class Barrier(NamedTuple):
    """Why a line may not have all of the free stock: a reason as decisions have it; ``held`` where units are kept
    for better tiers."""

    reason: Reason
    held: Held | None


def barrier(sku: Sku, demand: Demand, now: datetime, grace_days: int) -> Barrier | None:
    """The limit that the policy sets this demand now; None where it may have what there is, or nothing is."""
    free, policy = sku.free, sku.policy
    if not free or not policy.guarded:
        return None
    moment = sku.moment(now, grace_days)
    session = AllocationSession(grace_days=grace_days)
    session.skus[sku.sku] = sku
    supply = sku.supply(moment.next_supply, sku.forecast(moment), moment.kept_through)
    context = with_thresholds(context_of(session, [sku.sku], policy, {demand.order_id}), policy, {sku.sku: supply})
    guards, ranking = Guards(policy, context), Ranking(policy, moment)
    tier_rank = ranking.counts_as(demand.tier_rank, demand.queued_at)
    level = guards.level(tier_rank, on_top=ranking.on_top(demand))
    limit = guards.limit(demand, level, free)
    if limit.units >= min(free, demand.quantity):
        return None
    held = None
    kept = guards.held.get(sku.sku, ())
    if limit == guards.stock(sku.sku, level, free, demand.claim_date) and level < len(kept) and kept[level]:
        until = held_until(policy, moment, demand.queued_at)
        held = Held(min(kept[level], free), policy.better_than(level), until)
    return Barrier(limit.reason(0, demand.quantity), held)
