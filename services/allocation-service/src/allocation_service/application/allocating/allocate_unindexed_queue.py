"""Serving a queue that no database index can read in order, or where free stock may be withheld from some who wait.

What is read grows until nobody unread could be given anything; only then the decision counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from allocation_service.application.allocating.backorder_queue import Decided, carry_out, decide_about, everyone
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.ports import AllocationStore
from allocation_service.application.session.read_queue import Unread
from allocation_service.application.session.store_session import PART
from allocation_service.domain.allocating.deciding import Decision, DemandOutcome
from allocation_service.domain.allocating.guards import Guards
from allocation_service.domain.policies.policy import Complete, Demand, Policy
from allocation_service.domain.policies.sorting import Ranking, is_on_top
from allocation_service.domain.supply.sku import Sku

_AT_LEAST = 50
_LONG = 20_000
"""Demands whose decision takes long: 4-10 µs each."""
_SHOWN = 10
"""Who comes next is part of a decision, too: that many behind the last who was given anything."""


async def serve_unindexed(builder: DecisionBuilder, store: AllocationStore, sku: str, unserved: frozenset[str]) -> None:
    """One decision about all who could be given anything of a SKU's free stock."""
    session = builder.session
    state = session.skus[sku]
    reach = max(_AT_LEAST, state.free)
    queue = session.queues.get(sku)
    if queue is None or (queue.unread and queue.sorted_at != builder.now):
        await store.load_unindexed_queue(
            session, sku, builder.now, None if state.policy.shared else min(reach, PART), reach
        )
    while True:
        decided = await _decide(builder, store, everyone(builder, sku, unserved), state.policy)
        if await _is_certain(builder, store, decided.decision, sku):
            carry_out(builder, decided.up_to(_served(decided.decision)))
            return
        reach *= 4
        await store.load_unindexed_queue(session, sku, builder.now, session.queues[sku].limit * 4, reach)


async def defer_whole_orders(builder: DecisionBuilder, store: AllocationStore, sku: str) -> None:
    """Leave the ship-complete orders that free stock of a SKU would do for to transactions of their own.

    For a queue that is served later, behind an order that is decided by itself: whoever is deferred then has been
    decided before, so that orders cannot defer each other without end.
    """
    session = builder.session
    if not builder.defers_orders:
        return
    if sku not in session.queues:
        await store.load_unindexed_queue(session, sku, builder.now, None, session.skus[sku].free)
    needs: dict[str, dict[str, int]] = {}
    for demand in everyone(builder, sku, frozenset()):
        if demand.ship_complete:
            need = needs.setdefault(demand.order_id, {})
            need[demand.sku] = need.get(demand.sku, 0) + demand.quantity
    for order_id, need in needs.items():
        if all(session.skus[one].free >= units for one, units in need.items()):
            builder.defer(session.orders[order_id])


async def _decide(builder: DecisionBuilder, store: AllocationStore, demands: list[Demand], policy: Policy) -> Decided:
    """In a thread where it takes long, so that the process goes on answering."""
    solver = store.solver() if policy.complete is Complete.OPTIMAL else None
    if solver is None and len(demands) < _LONG:
        return decide_about(builder, demands, policy)
    return await store.in_thread(partial(decide_about, builder, demands, policy, solver))


async def _is_certain(builder: DecisionBuilder, store: AllocationStore, decision: Decision, sku: str) -> bool:
    """Nobody who was not read could be given anything: where the best of them would stand, either nothing
    was left or all of it was kept from them."""
    session = builder.session
    queue, state = session.queues[sku], session.skus[sku]
    if not queue.unread or session.blocked(sku):
        # Behind an order that is decided by itself, the others wait for that.
        return True
    ranking = Ranking(state.policy, session.moment(sku)._replace(now=builder.now))
    guards = Guards(state.policy, decision.context)
    last = max((one.key for one in decision.outcomes if one.grants and one.demand.sku == sku), default=None)
    within_quotas = False
    for unread in queue.unread:
        if state.policy.bypass_limit is not None and last is not None and last > unread.key:
            # Somebody unread may have been passed.
            return False
        before = [one for one in decision.outcomes if one.demand.sku == sku and one.key < unread.key]
        left = state.free - sum(one.granted for one in before) - _kept(before, state.policy)
        tier_rank = ranking.counts_as(unread.tier_rank, unread.oldest)
        if left > 0 and guards.stock(sku, guards.level(tier_rank, on_top=is_on_top(unread.key)), left).units > 0:
            within_quotas = True
    return not within_quotas or not await _waits_within_quotas(store, decision, queue.unread, state)


def _kept(outcomes: Iterable[DemandOutcome], policy: Policy) -> int:
    """Units kept for orders that were passed as often as may be and could not be filled whole."""
    limit = policy.bypass_limit
    if limit is None:
        return 0
    return sum(one.demand.quantity for one in outcomes if one.short and one.demand.bypassed >= limit)


async def _waits_within_quotas(
    store: AllocationStore, decision: Decision, unread: Sequence[Unread], state: Sku
) -> bool:
    """Somebody waits to whom the quotas leave something where the best of the unread would stand."""
    guards = Guards(state.policy, decision.context)
    first = min(one.key for one in unread)
    for one in decision.outcomes:
        if one.demand.sku == state.sku and one.key < first:
            guards.spend(one.demand, one.granted)
    used_up: dict[str, set[str]] = {}
    for number, quota in enumerate(state.policy.quotas):
        if not guards.left(state.sku, number):
            used_up.setdefault(quota.field, set()).add(quota.name)
    return not used_up or await store.waits_outside(state.sku, used_up, state.free)


def _served(decision: Decision) -> int:
    """How many outcomes say something: up to the last who got anything or is deferred, and a few."""
    if decision.joint:
        return len(decision.outcomes)
    last = max((one.rank for one in decision.outcomes if one.granted or one.deferred or one.short), default=0)
    return last + _SHOWN
