"""Storing a session in memory: what changed is copied at once, and put into the tables later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tests.unit.allocation.in_memory_lateness import note_news
from tests.unit.allocation.in_memory_state import (
    AllocationState,
    FirstDate,
    KeptDecision,
    copied_line,
    copied_order,
    copied_sku,
)

from allocation_service.adapters.store.decision_digest import canonical_json
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_record import DecisionRecord
from allocation_service.application.session.session_records import DeferredOrder
from allocation_service.domain.lending.loan import KeptLoan
from allocation_service.domain.promising.line_promise import add

WriteStep = Callable[[AllocationState], None]
"""Puts something that was copied from a session into the tables."""


def steps_of(session: AllocationSession) -> list[WriteStep]:
    """All that stores what changed in the session; take the steps before the session changes again."""
    return [
        *_skus(session),
        *_orders(session),
        _lines(session),
        _promised(session),
        _first_promises(session),
        *_deferred_orders(session),
        *_policy_inputs(session),
        *_deliveries(session),
        *_loans(session),
        keeping(session.unwritten.decisions),
    ]


def _skus(session: AllocationSession) -> Iterator[WriteStep]:
    skus = {name: copied_sku(session.skus[name]) for name in session.unwritten.skus}
    levels = {
        (sku.sku, one.location): replace(one, changed=False)
        for sku in session.skus.values()
        for one in sku.levels.values()
        if one.changed
    }
    inbound = {
        one.po_line: (sku.sku, replace(one, changed=False))
        for sku in session.skus.values()
        for one in sku.inbound.values()
        if one.changed
    }

    def store(state: AllocationState) -> None:
        for name, sku in skus.items():
            # Loans count themselves: see _loans.
            sku.open_loans = state.skus[name].open_loans
            state.skus[name] = sku
        state.levels.update(levels)
        state.inbound.update(inbound)

    yield store


def _orders(session: AllocationSession) -> Iterator[WriteStep]:
    changed = [copied_order(order) for order in session.orders.values() if order.changed]

    def store(state: AllocationState) -> None:
        for order in changed:
            known = state.orders.get(order.order_id)
            if known is not None:
                # Others may count at the same time that it was passed: see _policy_inputs.
                order.bypassed = known.bypassed
            state.orders[order.order_id] = order

    yield store


def _lines(session: AllocationSession) -> WriteStep:
    touched = {line_id: copied_line(session.lines[line_id]) for line_id in session.unwritten.lines_as_stored}
    new = {line_id for line_id, stored in session.unwritten.lines_as_stored.items() if stored.new}

    def store(state: AllocationState) -> None:
        known = new & state.lines.keys()
        if known:
            raise ValueError(f"lines are stored as new that are there already: {sorted(known)}")
        state.lines.update(touched)

    return store


def _promised(session: AllocationSession) -> WriteStep:
    changes = dict(session.unwritten.promises)

    def store(state: AllocationState) -> None:
        for sku, counters in changes.items():
            for day, units in counters.promised.items():
                add(state.promised, (sku, day), *units)
            for day, units in counters.claimed.items():
                add(state.claimed, (sku, day), *units)

    return store


def _first_promises(session: AllocationSession) -> WriteStep:
    first = list(session.unwritten.first_promises)

    def store(state: AllocationState) -> None:
        for one in first:
            state.first_promises.setdefault(one.line_id, FirstDate(one))

    return store


def _deferred_orders(session: AllocationSession) -> Iterator[WriteStep]:
    done, new = set(session.unwritten.deferred_orders_done), list(session.unwritten.orders_deferred.values())

    def store(state: AllocationState) -> None:
        for order_id in done:
            state.deferred_orders.pop(order_id, None)
            state.deferred_orders_aside.pop(order_id, None)
        for one in new:
            known = state.deferred_orders.get(one.order_id) or state.deferred_orders_aside.pop(one.order_id, one)
            skus = tuple(sorted({*known.skus, *one.skus}))
            state.deferred_orders[one.order_id] = DeferredOrder(one.order_id, known.cause_event, known.cause_time, skus)

    yield store


def _policy_inputs(session: AllocationSession) -> Iterator[WriteStep]:
    anew = {one for one in session.unwritten.passes_restarted if session.orders[one].stored}
    passed = {one: times for one, times in session.unwritten.passes.items() if session.orders[one].stored}
    overtaken = {sku: session.skus[sku].policy.bypass_limit for sku in session.unwritten.overtaken}
    ordered, cleared = dict(session.unwritten.ordered), set(session.unwritten.quotas_cleared)
    used = {(sku, *name): session.skus[sku].quota_used.get(name, 0) for sku, name in session.unwritten.quotas_used}

    def store(state: AllocationState) -> None:
        for order_id in passed.keys() | anew:
            order = state.orders[order_id]
            times = passed.get(order_id, 0) + (0 if order_id in anew else order.bypassed)
            state.orders[order_id] = replace(order, bypassed=times)
        for sku, limit in overtaken.items():
            for order_id in {one.order_id for one in state.places(sku) if one.ship_complete}:
                order = state.orders[order_id]
                if limit is not None and order.bypassed < limit:
                    state.orders[order_id] = replace(order, bypassed=order.bypassed + 1)
        for key, units in ordered.items():
            state.demand_days[key] = state.demand_days.get(key, 0) + units
        for name in [name for name in state.quotas_used if name[0] in cleared]:
            del state.quotas_used[name]
        state.quotas_used.update(used)

    yield store


def _deliveries(session: AllocationSession) -> Iterator[WriteStep]:
    news = [one for name in sorted(session.unwritten.skus) for one in session.skus[name].deliveries]

    def store(state: AllocationState) -> None:
        for one in news:
            note_news(state.deliveries, one)

    yield store


def _loans(session: AllocationSession) -> Iterator[WriteStep]:
    changed = [
        replace(loan, new=False, changed=False)
        for loans in session.loans.values()
        for loan in loans
        if loan.new or loan.changed
    ]
    counted = {one.sku: session.skus[one.sku].open_loans for one in changed}

    def store(state: AllocationState) -> None:
        for loan in changed:
            state.loans[loan.loan_id] = _still_breached(loan, state.loans.get(loan.loan_id))
        for name, loans in counted.items():
            state.skus[name] = replace(state.skus[name], open_loans=loans)

    yield store


def _still_breached(loan: KeptLoan, known: KeptLoan | None) -> KeptLoan:
    """A sweeper may have found it breached meanwhile: that stays."""
    return replace(loan, breached=loan.breached or (known is not None and known.breached))


def keeping(records: Sequence[DecisionRecord]) -> WriteStep:
    """Store decisions with their steps and lines."""
    made = [
        KeptDecision(
            one.decision_id,
            one.cause,
            one.cause_type,
            one.decided_at,
            canonical_json(one.all_steps()),
            tuple((row, canonical_json(row.facts)) for row in one.rows),
            frozenset(one.skus),
        )
        for one in records
    ]

    def store(state: AllocationState) -> None:
        for one in made:
            if one.decision_id in state.decisions:
                raise ValueError(f"decision {one.decision_id} is there already")
            state.decisions[one.decision_id] = one

    return store
