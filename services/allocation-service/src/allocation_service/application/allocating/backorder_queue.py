"""Who waits, in the order they are served, and deciding about them with what is free."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from allocation_service.application.allocating.guarding import context_of, kept_elsewhere, note_passed
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.decision_record import DecisionRow
from allocation_service.application.session.order import Order
from allocation_service.application.session.ports import AllocationStore
from allocation_service.domain import protocol_rules
from allocation_service.domain.allocating.deciding import Decision, decide
from allocation_service.domain.allocating.ship_complete import Solver
from allocation_service.domain.allocating.ship_complete_solver import choose_orders
from allocation_service.domain.decisions.recorded_fill import stored_context, stored_facts, stored_supply
from allocation_service.domain.demand.line import Entry, Line
from allocation_service.domain.policies.policy import Demand, Key, Policy, Supply
from allocation_service.domain.policies.policy_document import stored_policy

_READ_AT_LEAST = 50


class Decided(NamedTuple):
    """A decision with what it was made from, not yet carried out."""

    decision: Decision
    supply: Mapping[str, Supply]
    blocked: list[str]

    def up_to(self, outcomes: int) -> Decided:
        """Only the first outcomes, if nothing that comes after them changed anything. With a demand of an order that
        ships complete come all of its others: the order was judged by them together."""
        first, rest = self.decision.outcomes[:outcomes], self.decision.outcomes[outcomes:]
        whole = {one.demand.order_id for one in first if one.demand.ship_complete}
        kept = first + tuple([one for one in rest if one.demand.ship_complete and one.demand.order_id in whole])
        return self._replace(decision=self.decision._replace(outcomes=kept))


def run_decision(builder: DecisionBuilder, demands: list[Demand], policy: Policy) -> None:
    """Decide about these demands with what is free now, apply and record it."""
    carry_out(builder, decide_about(builder, demands, policy))


def decide_about(
    builder: DecisionBuilder, demands: list[Demand], policy: Policy, solver: Solver | None = None
) -> Decided:
    """Decide about these demands with what is free now; a solver chooses among orders that ship complete
    where the policy asks for it (up to five seconds)."""
    session = builder.session
    whole = {one.order_id for one in demands if one.ship_complete}
    kept = {order_id for order_id in whole if kept_elsewhere(builder, session.orders[order_id], policy)}
    demands = [one for one in demands if one.order_id not in kept] if kept else demands
    supply = {one: session.supply(one, builder.now) for one in sorted({d.sku for d in demands})}
    blocked = [one for one in supply if session.blocked(one)]
    returned = {session.lines[one].order_id for one in builder.returned}
    context = context_of(session, supply, policy, {demand.order_id for demand in demands}, returned)
    if solver is not None:
        context = choose_orders(supply, demands, policy, builder.now, solver, blocked=blocked, context=context)
    return Decided(decide(supply, demands, policy, builder.now, blocked=blocked, context=context), supply, blocked)


def carry_out(builder: DecisionBuilder, decided: Decided) -> None:
    """Apply a decision and record it, unless it neither changed anything nor tells of an arrival."""
    session, outcomes = builder.session, decided.decision.outcomes
    changed = False
    for outcome in outcomes:
        if outcome.short:
            session.short_orders.add(outcome.demand.order_id)
        if outcome.deferred:
            builder.defer(session.orders[outcome.demand.order_id])
        elif outcome.grants:
            builder.grant(session.lines[outcome.demand.line_id], outcome.grants, outcome.reason)
        changed |= outcome.deferred or bool(outcome.grants)
    note_passed(builder, decided.decision)
    if changed or (outcomes and builder.caused_by_inventory):
        _record(builder, decided)


def _record(builder: DecisionBuilder, decided: Decided) -> None:
    decision = decided.decision
    step = {
        "kind": "fill",
        "policy": stored_policy(decision.policy),
        "supply": {sku: stored_supply(one) for sku, one in decided.supply.items()},
        "blocked": decided.blocked,
        **stored_context(decision.context),
    }
    number = builder.step_number
    rows = [
        DecisionRow(
            number,
            outcome.rank,
            outcome.demand.line_id,
            outcome.demand.sku,
            outcome.demand.quantity,
            outcome.granted,
            outcome.reason,
            stored_facts(outcome),
        )
        for outcome in decision.outcomes
    ]
    builder.add_step(step, rows)


async def reach(
    builder: DecisionBuilder, store: AllocationStore, sku: str, units: int, unserved: frozenset[str]
) -> list[Demand]:
    """The head of the queue, as far as that many units reach."""
    session = builder.session
    if sku not in session.queues:
        await store.load_queues(session, {sku: max(units, _READ_AT_LEAST)})
    while True:
        demands, known = head(builder, sku, units, unserved)
        queue = session.queues[sku]
        if known or queue.complete:
            return demands
        await store.load_queues(session, {sku: queue.limit * 4})


def everyone(builder: DecisionBuilder, sku: str, unserved: frozenset[str]) -> list[Demand]:
    """All who were read, in no more order than the queue's."""
    return head(builder, sku, sys.maxsize, unserved)[0]


def head(
    builder: DecisionBuilder, sku: str, free: int, unserved: frozenset[str], *, behind: Key | None = None
) -> tuple[list[Demand], bool]:
    """Demands from the part of the queue that was read, ``behind`` a place if one is given, and whether it
    reached far enough."""
    session = builder.session
    queue, certain = session.queues[sku], 0
    found: list[Demand] = []
    seen: set[Any] = set()
    units: dict[str, dict[Any, int]] = {}
    for key, line_id, queued_at in queue.entries:
        if certain >= free:
            return found, True
        if queue.horizon is not None and key > queue.horizon:
            return found, False
        if behind is not None and key <= behind:
            continue
        if (line_id, queued_at) in seen or queue.places.get((line_id, queued_at), key) != key:
            continue
        seen.add((line_id, queued_at))
        line = session.lines[line_id]
        order = session.orders[line.order_id]
        if order.ship_complete:
            if order.order_id not in seen:
                seen.add(order.order_id)
                found += together(builder, order, sku, unserved)
            continue
        if line_id not in units:
            units[line_id] = {entry.queued_at: entry.quantity for entry in line.entries()}
        quantity = units[line_id].get(queued_at, 0)
        if quantity:
            found.append(session.demand(line, Entry(queued_at, quantity)))
            certain += quantity
    return found, certain >= free or queue.complete


def together(builder: DecisionBuilder, order: Order, sku: str | None, unserved: Collection[str]) -> list[Demand]:
    """The demands of a ship-complete order: all that wait, or only those of ``sku`` where the order cannot be decided
    here, and none where it may not be deferred either. Units not yet decided about keep the whole order waiting."""
    if order.undecided:
        return []
    session, skus = builder.session, order.skus()
    here = protocol_rules.decidable(skus, session.skus) and not any(other in unserved for other in skus)
    if not here and not builder.defers_orders:
        return []
    chosen = [line for line in order.lines.values() if line.queued_units and (here or line.sku == sku)]
    return [session.demand(line, entry, locked=here) for line in chosen for entry in _as_one(line)]


def _as_one(line: Line) -> list[Entry]:
    return [Entry(line.entries()[0].queued_at, line.queued_units)]
