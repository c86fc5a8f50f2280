"""Who waits, in the order they are served, and deciding about them with what is free."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from allocation_service.application.book import Book, Order
from allocation_service.application.case import Case, Row
from allocation_service.application.guarding import context_of, kept_elsewhere, note_passed
from allocation_service.application.ports import Ledger
from allocation_service.domain import rules
from allocation_service.domain.choosing import choose_orders
from allocation_service.domain.completing import Solver
from allocation_service.domain.deciding import Decision, decide
from allocation_service.domain.line import Entry, Line
from allocation_service.domain.policy import Demand, Key, Policy, Supply
from allocation_service.domain.policy_document import stored_policy
from allocation_service.domain.recorded_fill import stored_context, stored_facts, stored_supply

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


def run_decision(case: Case, demands: list[Demand], policy: Policy) -> None:
    """Decide about these demands with what is free now, apply and record it."""
    carry_out(case, decide_about(case, demands, policy))


def decide_about(case: Case, demands: list[Demand], policy: Policy, solver: Solver | None = None) -> Decided:
    """Decide about these demands with what is free now; a solver chooses among orders that ship complete
    where the policy asks for it (up to five seconds)."""
    book = case.book
    whole = {one.order_id for one in demands if one.ship_complete}
    kept = {order_id for order_id in whole if kept_elsewhere(case, book.orders[order_id], policy)}
    demands = [one for one in demands if one.order_id not in kept] if kept else demands
    supply = {one: book.supply(one, case.now) for one in sorted({d.sku for d in demands})}
    blocked = [one for one in supply if book.blocked(one)]
    context = context_of(book, supply, policy, {demand.order_id for demand in demands} if policy.guarded else ())
    if solver is not None:
        context = choose_orders(supply, demands, policy, case.now, solver, blocked=blocked, context=context)
    return Decided(decide(supply, demands, policy, case.now, blocked=blocked, context=context), supply, blocked)


def carry_out(case: Case, decided: Decided) -> None:
    """Apply a decision and record it, unless it neither changed anything nor tells of an arrival."""
    book, outcomes = case.book, decided.decision.outcomes
    changed = False
    for outcome in outcomes:
        if outcome.deferred:
            case.recheck(book.orders[outcome.demand.order_id])
        elif outcome.grants:
            case.grant(book.lines[outcome.demand.line_id], outcome.grants, outcome.reason)
            book.given[outcome.demand.sku] = book.given.get(outcome.demand.sku, 0) + outcome.granted
        changed |= outcome.deferred or bool(outcome.grants)
    note_passed(case, decided.decision)
    if changed or (outcomes and case.tells_of_supply):
        _record(case, decided)


def _record(case: Case, decided: Decided) -> None:
    decision = decided.decision
    step = {
        "kind": "fill",
        "policy": stored_policy(decision.policy),
        "supply": {sku: stored_supply(one) for sku, one in decided.supply.items()},
        "blocked": decided.blocked,
        **stored_context(decision.context),
    }
    number = case.step_number
    rows = [
        Row(
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
    case.add_step(step, rows)


async def reach(book: Book, ledger: Ledger, sku: str, units: int, unserved: frozenset[str]) -> list[Demand]:
    """The head of the queue, as far as that many units reach."""
    if sku not in book.queues:
        await ledger.load_queues(book, {sku: max(units, _READ_AT_LEAST)})
    while True:
        demands, known = head(book, sku, units, unserved)
        queue = book.queues[sku]
        if known or queue.complete:
            return demands
        await ledger.load_queues(book, {sku: queue.limit * 4})


def everyone(book: Book, sku: str, unserved: frozenset[str]) -> list[Demand]:
    """All who were read, in no more order than the queue's."""
    return head(book, sku, sys.maxsize, unserved)[0]


def head(
    book: Book, sku: str, free: int, unserved: frozenset[str], *, behind: Key | None = None
) -> tuple[list[Demand], bool]:
    """Demands from the part of the queue that was read, ``behind`` a place if one is given, and whether it
    reached far enough."""
    queue, certain = book.queues[sku], 0
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
        line = book.lines[line_id]
        order = book.orders[line.order_id]
        if order.ship_complete:
            if order.order_id not in seen:
                seen.add(order.order_id)
                found += together(book, order, sku, unserved)
            continue
        if line_id not in units:
            units[line_id] = {entry.queued_at: entry.quantity for entry in line.entries()}
        quantity = units[line_id].get(queued_at, 0)
        if quantity:
            found.append(book.demand(line, Entry(queued_at, quantity)))
            certain += quantity
    return found, certain >= free or queue.complete


def together(book: Book, order: Order, sku: str | None, unserved: Collection[str]) -> list[Demand]:
    """The demands of a ship-complete order: all that wait, or only those of ``sku`` where the order
    cannot be decided here. Units not yet decided about keep the whole order waiting."""
    if order.undecided:
        return []
    skus = order.skus()
    here = rules.decidable(skus, book.skus) and not any(other in unserved for other in skus)
    chosen = [line for line in order.lines.values() if line.queued_units and (here or line.sku == sku)]
    return [book.demand(line, entry, locked=here) for line in chosen for entry in _as_one(line)]


def _as_one(line: Line) -> list[Entry]:
    return [Entry(line.entries()[0].queued_at, line.queued_units)]
