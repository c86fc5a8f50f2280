"""What must hold in memory: the twins of the service's invariants, each under the name that it has there."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import TypeVar

import orjson
from tests.unit.allocation.in_memory_background import idle_in_parts, idle_whole
from tests.unit.allocation.in_memory_state import AllocationState, KeptDecision
from tests.unit.allocation.in_memory_stores import InMemoryAllocationUnits

from allocation_service.adapters.store.decision_digest import canonical_json
from allocation_service.application.allocating.find_kept_stock import find_kept_stock
from allocation_service.application.session.options import Options
from allocation_service.domain.lateness.first_promise import OutcomeState
from allocation_service.domain.promising.learned_supply import AnnouncedDelivery, Reliance, learned_supply
from allocation_service.domain.promising.line_promise import CountedUnits, add
from allocation_service.domain.promising.promise_revision import HELD_DAYS
from backorder_verify.recomputing.comparison import compare
from backorder_verify.recomputing.decision_stream import StoredDecision

K = TypeVar("K")


def _line_quantities(state: AllocationState) -> Iterable[object]:
    for line in state.lines.values():
        if line.quantity != line.granted_units + line.waiting + line.declined + line.cancelled:
            yield line


def _line_sums(state: AllocationState) -> Iterable[object]:
    for line in state.lines.values():
        queued = sum(entry.quantity for entry in line.entries())
        sums = (sum(line.granted.values()), queued, sum(layer.quantity for layer in line.layers))
        if sums != (line.granted_units, line.waiting - line.undecided, line.live_units):
            yield line


def _cancelled_or_allocated(state: AllocationState) -> Iterable[object]:
    for line in state.lines.values():
        if line.unshipped > 0 and line.granted_units + line.cancelled > line.quantity:
            yield line


def _complete_or_nothing(state: AllocationState) -> Iterable[object]:
    for order in state.orders.values():
        lines = state.lines_of_order(order.order_id)
        waits, holds = any(line.waiting for line in lines), any(line.unshipped for line in lines)
        if order.ship_complete and order.order_id not in state.deferred_orders and waits and holds:
            yield order, lines


def _everything_decided(state: AllocationState) -> Iterable[object]:
    yield from state.deferred_orders
    for line in state.lines.values():
        if line.undecided and state.skus[line.sku].known:
            yield line


def _granted_counter(state: AllocationState) -> Iterable[object]:
    granted = Counter[tuple[str, str]]()
    for line in state.lines.values():
        granted.update({(line.sku, location): units for location, units in line.granted.items()})
    yield from _different({key: level.granted for key, level in state.levels.items()}, granted)


def _waiting_counter(state: AllocationState) -> Iterable[object]:
    queued = Counter[str]()
    for sku, place in state.queued():
        queued[sku] += place.quantity
    yield from _different({name: sku.waiting_units for name, sku in state.skus.items()}, queued)


def _promised_buckets(state: AllocationState) -> Iterable[object]:
    promised: dict[tuple[str, date], CountedUnits] = {}
    for sku, place in state.queued():
        if place.promise_date is not None:
            add(promised, (sku, place.promise_date), place.quantity, place.quantity if place.backed else 0)
    yield from promised.items() ^ state.promised.items()


def _claim_counters(state: AllocationState) -> Iterable[object]:
    claimed: dict[tuple[str, date], CountedUnits] = {}
    for sku, place in state.queued():
        add(claimed, (sku, place.claim_date), place.quantity, place.quantity if place.backed else 0)
    yield from claimed.items() ^ state.claimed.items()


def _known_supply(state: AllocationState, sku: str, day: date, *, free: bool) -> int:
    """What is expected by a day, overdue deliveries included, with what is free now."""
    now = state.skus[sku].last_now
    coming = sum(
        one.remaining
        for name, one in state.inbound.values()
        if name == sku and one.eta is not None and (one.eta.date() <= day or (now and one.eta.date() < now.date()))
    )
    return coming + (state.free(sku) if free else 0)


def _within_known_supply(state: AllocationState) -> Iterable[object]:
    for sku, day in state.promised:
        backed = sum(units.backed for (name, on), units in state.promised.items() if name == sku and on <= day)
        held = timedelta(days=HELD_DAYS if _reliance(state, sku) else 0)
        if backed > _known_supply(state, sku, day + held, free=True):
            yield sku, day, backed


def _backed_in_turn(state: AllocationState) -> Iterable[object]:
    for sku in state.skus:
        waiting = [line for line in state.waiting(sku) if not line.backed]
        backed = sum(units.backed for (name, _), units in state.claimed.items() if name == sku)
        first = min(waiting, key=lambda one: (one.claim_date, one.queued_at, one.line_id), default=None)
        reliance, now = _reliance(state, sku), state.skus[sku].last_now
        coming = _known_supply(state, sku, date.max, free=False)
        if reliance is not None and now is not None:
            announced = [
                AnnouncedDelivery(one.supplier, one.eta.date(), one.remaining)
                for name, one in state.inbound.values()
                if name == sku and one.eta is not None
            ]
            coming = sum(one.units for one in learned_supply(0, announced, now.date(), reliance).safe)
        if first and backed + first.units <= coming:
            yield sku, first


def _reliance(state: AllocationState, sku: str) -> Reliance | None:
    target = state.skus[sku].own_target or state.lateness["default_target"]
    return None if target is None else Reliance(state.lateness["table"], target)


def _outcomes_of_first_dates(state: AllocationState) -> Iterable[object]:
    built_for, levels = state.lateness.get("built_for"), state.lateness.get("levels", {})
    for line in state.lines.values():
        if line.promise_source is not None and line.promise_revision == 1 and line.line_id not in state.first_promises:
            yield line
    due = Counter[tuple[str, int]]()
    for one in state.first_promises.values():
        if one.state == OutcomeState.OPEN and built_for and one.promise.first_date < built_for - timedelta(days=1):
            yield one
        if one.state in (OutcomeState.KEPT, OutcomeState.MISSED):
            due[one.promise.basis, one.promise.target] += 1
    learned = {(basis, target): one.outcomes for (basis, source, target), one in levels.items() if not source}
    yield from _different(due, learned)


def _different(counters: Mapping[K, int], sums: Mapping[K, int]) -> Iterable[object]:
    for key in counters.keys() | sums.keys():
        if counters.get(key, 0) != sums.get(key, 0):
            yield key, counters.get(key, 0), sums.get(key, 0)


def _granted_within_supply(state: AllocationState) -> Iterable[object]:
    for (sku, location), level in state.levels.items():
        unshipped = any(line.unshipped_at(location) > 0 for line in state.lines.values() if line.sku == sku)
        if level.free < 0 and unshipped:
            yield sku, level


def _loans_owed(state: AllocationState) -> Iterable[object]:
    owed, loans = Counter[str](), Counter[str]()
    for loan in state.loans.values():
        if loan.closed_at is None:
            owed[loan.lender_line] += loan.owed
            loans[loan.sku] += 1
    for line_id, units in owed.items():
        if units > state.lines[line_id].queued_units:
            yield state.lines[line_id], units
    yield from _different({name: sku.open_loans for name, sku in state.skus.items()}, loans)


def _loan_due_dates(state: AllocationState) -> Iterable[object]:
    yield from (loan for loan in state.loans.values() if loan.repay_by <= loan.lent_at.date())


AT_REST = "allocation: everything decided"
"""Holds when there is nothing left to do."""

BY_THE_CLOCK = "allocation: business times"
"""Judged by the database's clock, which there is none of in memory."""

BY_DERIVATION = "allocation: queue promises"
"""In memory, the places of a line are worked out from the line itself."""

CHECKS: Mapping[str, Callable[[AllocationState], Iterable[object]]] = {
    "allocation: line quantities": _line_quantities,
    "allocation: line sums": _line_sums,
    "allocation: cancelled or allocated": _cancelled_or_allocated,
    "allocation: complete or nothing": _complete_or_nothing,
    AT_REST: _everything_decided,
    "allocation: granted counter": _granted_counter,
    "allocation: waiting counter": _waiting_counter,
    "allocation: promised buckets": _promised_buckets,
    "allocation: claim counters": _claim_counters,
    "allocation: backed by known supply": _within_known_supply,
    "allocation: known supply backs in turn": _backed_in_turn,
    "allocation: outcomes of first dates": _outcomes_of_first_dates,
    "allocation: granted within supply": _granted_within_supply,
    "allocation: loans owed": _loans_owed,
    "allocation: loan due dates": _loan_due_dates,
}

IDLE_IN_PARTS, IDLE_WHOLE = "allocation: no idle stock", "allocation: no complete order idle"


async def violations(units: InMemoryAllocationUnits, options: Options, *, at_rest: bool) -> list[str]:
    """What does not hold, each with its invariant."""
    state = units.state
    found = [f"{name}: {one}" for name, broken in CHECKS.items() if at_rest or name != AT_REST for one in broken(state)]
    about = {sku for one in state.deferred_orders.values() for sku in one.skus}
    idle = {sku: {sku} for sku in idle_in_parts(state) - about}
    whole = {
        order_id: skus
        for order_id, skus in idle_whole(state).items()
        if order_id not in state.deferred_orders
        and all(state.skus[sku].known for sku in skus)
        and not any(line.undecided for line in state.lines_of_order(order_id))
    }
    if idle or whole:
        kept = await find_kept_stock(units, options, set().union(*idle.values(), *whole.values()))
        for name, candidates in ((IDLE_IN_PARTS, idle), (IDLE_WHOLE, whole)):
            found += [f"{name}: {one}" for one, skus in candidates.items() if not kept & skus]
    return found


async def replays(decisions: Iterable[KeptDecision]) -> list[str]:
    """Decisions whose stored inputs lead to other grants than were made."""

    async def stored() -> AsyncIterator[StoredDecision]:
        for one in decisions:
            yield _stored(one)

    different = (await compare(stored())).first_differences
    return [f"{one.decision_id} step {one.step}: {one.granted}, recomputed {one.recomputed}" for one in different]


def _stored(kept: KeptDecision) -> StoredDecision:
    """A decision as the tool reads it from the database."""
    decision = StoredDecision(kept.decision_id, kept.decided_at, False, orjson.loads(kept.steps))
    for row, facts in sorted(kept.rows, key=lambda one: (one[0].step, one[0].rank)):
        parameters = canonical_json(dict(row.reason.parameters)) if row.reason.parameters else None
        stated = {"reason_code": row.reason.code.value, "reason_parameters": parameters, "facts": facts}
        decision.add({**row._asdict(), **stated})
    return decision
