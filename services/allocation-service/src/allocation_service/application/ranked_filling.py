"""Serving a queue that has no index's order, or in which stock may stand before some who wait.

What is read grows until nobody unread could be given anything; only then the decision counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from allocation_service.application.case import Case
from allocation_service.application.ports import Ledger
from allocation_service.application.read_queue import Unread
from allocation_service.application.storing import PART
from allocation_service.application.waiters import Decided, carry_out, decide_about, everyone
from allocation_service.domain.deciding import Decision, Outcome
from allocation_service.domain.guards import Guards
from allocation_service.domain.policy import Complete, Demand, Policy
from allocation_service.domain.sku import Sku
from allocation_service.domain.sorting import Ranking, is_on_top

_AT_LEAST = 50
_LONG = 20_000
"""Demands whose decision takes long: 4-10 µs each."""
_SHOWN = 10
"""Who comes next is part of a decision, too: that many behind the last who was given anything."""


async def serve_ranked(case: Case, ledger: Ledger, sku: str, unserved: frozenset[str]) -> None:
    """One decision about all who could be given anything of a SKU's free stock."""
    book = case.book
    state = book.skus[sku]
    reach = max(_AT_LEAST, state.free)
    queue = book.queues.get(sku)
    if queue is None or (queue.unread and queue.ranked_at != case.now):
        await ledger.load_ranked_queue(book, sku, case.now, None if state.policy.shared else min(reach, PART), reach)
    while True:
        decided = await _decide(case, ledger, everyone(book, sku, unserved), state.policy)
        if await _is_certain(case, ledger, decided.decision, sku):
            carry_out(case, decided.up_to(_served(decided.decision)))
            return
        reach *= 4
        await ledger.load_ranked_queue(book, sku, case.now, book.queues[sku].limit * 4, reach)


async def _decide(case: Case, ledger: Ledger, demands: list[Demand], policy: Policy) -> Decided:
    """In a thread where it takes long, so that the process goes on answering."""
    solver = ledger.solver() if policy.complete is Complete.OPTIMAL else None
    if solver is None and len(demands) < _LONG:
        return decide_about(case, demands, policy)
    return await ledger.in_thread(partial(decide_about, case, demands, policy, solver))


async def _is_certain(case: Case, ledger: Ledger, decision: Decision, sku: str) -> bool:
    """Nobody who was not read could be given anything: where the best of them would stand, either nothing
    was left or all of it was kept from them."""
    book = case.book
    queue, state = book.queues[sku], book.skus[sku]
    if not queue.unread or book.blocked(sku):
        # Behind an order that is decided by itself, the others wait for that.
        return True
    ranking = Ranking(state.policy, book.moment(sku)._replace(now=case.now))
    guards = Guards(state.policy, decision.context)
    last = max((one.key for one in decision.outcomes if one.grants and one.demand.sku == sku), default=None)
    within_quotas = False
    for unread in queue.unread:
        if state.policy.bypass_limit is not None and last is not None and last > unread.key:
            # Somebody unread may have been passed.
            return False
        before = [one for one in decision.outcomes if one.demand.sku == sku and one.key < unread.key]
        left = state.free - sum(one.granted for one in before) - _kept(before, state.policy)
        rank = ranking.rank(unread.tier_rank, unread.oldest)
        if left > 0 and guards.stock(sku, guards.level(rank, on_top=is_on_top(unread.key)), left).units > 0:
            within_quotas = True
    return not within_quotas or not await _waits_within_quotas(ledger, decision, queue.unread, state)


def _kept(outcomes: Iterable[Outcome], policy: Policy) -> int:
    """Units kept for orders that were passed as often as may be and could not be filled whole."""
    limit = policy.bypass_limit
    if limit is None:
        return 0
    return sum(one.demand.quantity for one in outcomes if one.short and one.demand.bypassed >= limit)


async def _waits_within_quotas(ledger: Ledger, decision: Decision, unread: Sequence[Unread], state: Sku) -> bool:
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
    return not used_up or await ledger.waits_outside(state.sku, used_up, state.free)


def _served(decision: Decision) -> int:
    """How many outcomes say something: up to the last who got anything or is left to a recheck, and a few."""
    if decision.joint:
        return len(decision.outcomes)
    last = max((one.rank for one in decision.outcomes if one.granted or one.deferred or one.short), default=0)
    return last + _SHOWN
