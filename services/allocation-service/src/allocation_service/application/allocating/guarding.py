"""What stands between free stock and those who could have it: as decisions need it, those about new demand too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.order import Order
from allocation_service.domain.allocating.deciding import Decision
from allocation_service.domain.allocating.deciding_new_demand import NewDemand, NewDemandOutcome
from allocation_service.domain.allocating.guards import Context, Guards, with_thresholds
from allocation_service.domain.demand.line import Entry, Line
from allocation_service.domain.policies.policy import Policy, Supply
from allocation_service.domain.reasons import Limit


def context_of(
    session: AllocationSession,
    skus: Iterable[str],
    policy: Policy,
    deciding: Collection[str],
    renewing: Collection[str] = (),
) -> Context:
    """What a decision goes by beside supply and demand. ``deciding``: the orders it is about; ``renewing``: those that
    units were taken back from, whose promises are made anew."""
    used: dict[str, tuple[int, ...]] = {}
    kept: dict[str, int] = {}
    promised: dict[str, tuple[tuple[date, int], ...]] = {}
    for sku in skus:
        state = session.skus[sku]
        needs = _promised_to_others(session, sku, deciding, renewing)
        if needs:
            promised[sku] = needs
        if not policy.guarded:
            continue
        if policy.quotas:
            used[sku] = tuple(state.quota_used.get((one.field, one.name), 0) for one in policy.quotas)
        others = sum(_kept_for(session, sku, order_id) for order_id in state.kept_for if order_id not in deciding)
        if others:
            kept[sku] = min(state.free, others)
    orders = session.orders
    renewed = tuple(sorted(one for one in renewing if one in deciding and orders[one].ship_complete))
    return Context(quota_used=used, kept=kept, promised=promised, renewing=renewed)


def limited(
    builder: DecisionBuilder, order: Order, lines: Sequence[Line], supply: Supply
) -> tuple[Supply, Limit | None]:
    """What newly ordered units of one SKU may take of its free stock, and what keeps them from more."""
    session = builder.session
    policy = session.skus[supply.sku].policy
    if not policy.guarded or not supply.free:
        return supply, None
    forecast = session.supply(supply.sku, builder.now)
    context = with_thresholds(
        context_of(session, [supply.sku], policy, {order.order_id}), policy, {supply.sku: forecast}
    )
    guards = Guards(policy, context)
    demand = session.demand(lines[0], Entry(builder.now, sum(line.waiting for line in lines)))
    limit = guards.limit(demand, guards.level(demand.tier_rank, on_top=False), supply.free)
    if limit.units >= min(supply.free, demand.quantity):
        return supply, None
    return supply.up_to(limit.units, order.preference), limit


def without_promised(builder: DecisionBuilder, order: Order, sku: str, supply: Supply) -> Supply:
    """What new demand may take at once of stock: no unit that somebody was promised who waits for other articles, and
    that nothing replaces in time."""
    state, session = builder.session.skus[sku], builder.session
    if not supply.free or not state.waiting_units:
        return supply
    own = sum(line.queued_units for line in order.lines.values() if line.sku == sku and line.backed)
    left = state.uncommitted(builder.now, session.grace_days) + own
    return supply if left >= supply.free else supply.up_to(left, order.preference)


def kept_elsewhere(builder: DecisionBuilder, order: Order, policy: Policy) -> bool:
    """An order that ships complete may not have what it needs of another SKU, whose own policy keeps it."""
    session = builder.session
    needs: dict[str, list[Line]] = {}
    for line in order.lines.values():
        if line.queued_units:
            needs.setdefault(line.sku, []).append(line)
    for sku, lines in needs.items():
        state = session.skus.get(sku)
        if state is None or not state.policy.guarded or state.policy == policy:
            continue
        _, limit = limited(builder, order, lines, state.supply(None))
        if limit is not None and limit.units < sum(line.queued_units for line in lines):
            return True
    return False


def explained(outcome: NewDemandOutcome, new_demand: NewDemand, limit: Limit | None) -> NewDemandOutcome:
    """An outcome that says what kept it from stock that was there."""
    if limit is None or outcome.declined or outcome.granted == new_demand.open_units:
        return outcome
    return outcome._replace(reason=limit.reason(outcome.granted, new_demand.open_units))


def note_passed(builder: DecisionBuilder, decision: Decision) -> None:
    """Count for each order that could not be filled whole that others were served before it."""
    for order_id in decision.passed:
        order = builder.session.orders[order_id]
        builder.session.note_passed(order)
        for line in order.lines.values():
            state = builder.session.skus.get(line.sku)
            limit = state.policy.bypass_limit if state is not None else None
            if state is not None and limit is not None and order.bypassed >= limit:
                state.kept_for[order_id] = line.queued_units


def _promised_to_others(
    session: AllocationSession, sku: str, deciding: Collection[str], renewing: Collection[str]
) -> tuple[tuple[date, int], ...]:
    """Units of what is free that were promised to orders which ship complete and were found to lack another article,
    as far as nothing replaces them by their claim dates; orders that are decided about here keep theirs themselves."""
    short, through = session.short_orders.difference(deciding, renewing), session.moment(sku).kept_through
    if not short or through is None:
        return ()
    waiting = sorted(
        (line.claim_date, line.queued_units)
        for line in map(session.lines.__getitem__, session.lines_of.get(sku, ()))
        if line.backed and line.claim_date <= through and line.order_id in short and line.queued_units
    )
    if not waiting:
        return ()
    supply, needed, found = session.supply(sku, session.moment(sku).now), 0, []
    for claim, units in waiting:
        needed += units
        missing = min(supply.free, needed - supply.coming_by(claim))
        if missing > 0:
            found.append((claim, missing))
    return tuple(found)


def _kept_for(session: AllocationSession, sku: str, order_id: str) -> int:
    """Units that a passed order waits for: as they are now, if it was met in this transaction."""
    order = session.orders.get(order_id)
    if order is None or not order.whole:
        return session.skus[sku].kept_for[order_id]
    return sum(line.queued_units for line in order.lines.values() if line.sku == sku)
