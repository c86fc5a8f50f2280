"""Deciding about units that have just been ordered, after those who already wait were served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from allocation_service.application.allocating.allocate_supply import release
from allocation_service.application.allocating.guarding import explained, limited, without_promised
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.decision_record import DecisionRow
from allocation_service.application.session.order import Order
from allocation_service.domain import protocol_rules
from allocation_service.domain.allocating.deciding_new_demand import (
    NewDemand,
    NewDemandOutcome,
    decide_line,
    decide_together,
)
from allocation_service.domain.decisions.recorded_new_demand import NewDemandInputs, stored_demand, stored_step
from allocation_service.domain.demand.line import Line
from allocation_service.domain.policies.policy import Supply
from allocation_service.domain.promising.promise_dates import PromisedDate
from allocation_service.domain.reasons import UNDECIDED


def decide_new_demand(builder: DecisionBuilder, order: Order) -> bool:
    """Decide all undecided units of an order that can be decided; True where the order was deferred instead.

    Units of a SKU without a selling policy stay undecided; that is no deferral, and the order gets its event all the
    same.
    """
    session = builder.session
    new = [line for line in order.lines.values() if _to_judge(line)]
    if not new:
        return False
    if order.ship_complete and not protocol_rules.decidable(order.skus(), session.skus):
        builder.defer(order)
        return True
    known = [
        line
        for line in new
        if line.sku in session.skus and protocol_rules.may_decide(known=session.skus[line.sku].known)
    ]
    if not known or (order.ship_complete and len(known) < len(new)):
        _leave_undecided(builder, new)
        return False
    skus = order.skus() if order.ship_complete else {line.sku for line in known}
    if protocol_rules.must_queue_behind(order.order_id, skus, session.pending):
        builder.defer(order)
        return True
    if order.ship_complete:
        # Whatever else of it waits was accepted before; lines of which nothing is left stand in nobody's way.
        _decide_together(builder, order)
    else:
        for line in known:
            _decide_line(builder, order, line)
    if not order.undecided:
        order.decided_before = order.changed = True
    return False


def _leave_undecided(builder: DecisionBuilder, lines: list[Line]) -> None:
    for line in lines:
        if line.sku in builder.session.skus:
            builder.touch(line)
            line.reason = UNDECIDED


def _to_judge(line: Line) -> bool:
    return protocol_rules.units_to_judge(line.undecided, line.waiting) > 0


def _new_demand(order: Order, line: Line) -> NewDemand:
    units = protocol_rules.units_to_judge(line.undecided, line.waiting)
    return NewDemand(line.line_id, line.sku, units, line.waiting, order.preference, line.promise_date)


class _Quotes:
    """Promise dates as asked for, kept for the record."""

    def __init__(self, builder: DecisionBuilder, supply: Mapping[str, Supply]) -> None:
        self._builder, self._supply = builder, supply
        self.given: dict[tuple[str, int], date | None] = {}
        self.last: dict[str, PromisedDate] = {}
        """By SKU: what was found last."""

    def __call__(self, sku: str, units: int) -> date | None:
        key = (sku, units)
        if key not in self.given:
            # Of what is there, no more than the order may have.
            state, session = self._builder.session.skus[sku], self._builder.session
            most = min(state.open_stock, self._supply[sku].free)
            found = self.last[sku] = state.quote(units, self._builder.now, session.grace_days, most)
            self.given[key] = found.day
        return self.given[key]


def _decide_line(builder: DecisionBuilder, order: Order, line: Line) -> None:
    sku = builder.session.skus[line.sku]
    new_demand, terms = _new_demand(order, line), sku.terms()
    supply, limit = limited(builder, order, [line], sku.supply(None))
    quotes = _Quotes(builder, {line.sku: supply})
    supply = without_promised(builder, order, line.sku, supply)
    outcome = explained(decide_line(new_demand, supply, terms, quotes, order.latest_acceptable), new_demand, limit)
    _apply(builder, line, new_demand, outcome, quotes)
    inputs = NewDemandInputs(
        order.order_id,
        {line.sku: supply},
        {line.sku: terms},
        quotes.given,
        order.latest_acceptable,
        first_decision=None,
        followed={line.sku: sku.policy},
    )
    _record(builder, inputs, [new_demand], [outcome])


def _decide_together(builder: DecisionBuilder, order: Order) -> None:
    session = builder.session
    new_demands = [_new_demand(order, line) for line in order.lines.values() if line.waiting]
    skus = sorted({one.sku for one in new_demands})
    supply = {}
    for sku in skus:
        lines = [one for one in order.lines.values() if one.sku == sku]
        supply[sku], _ = limited(builder, order, lines, session.skus[sku].supply(None))
    terms = {sku: session.skus[sku].terms() for sku in skus}
    quotes, latest = _Quotes(builder, supply), order.latest_acceptable
    supply = {sku: without_promised(builder, order, sku, one) for sku, one in supply.items()}
    first = not order.decided_before
    outcomes = decide_together(new_demands, supply, terms, quotes, latest, first_decision=first)
    for new_demand, outcome in zip(new_demands, outcomes, strict=True):
        _apply(builder, session.lines[new_demand.line_id], new_demand, outcome, quotes)
    followed = {sku: session.skus[sku].policy for sku in skus}
    inputs = NewDemandInputs(order.order_id, supply, terms, quotes.given, latest, first, followed)
    _record(builder, inputs, new_demands, outcomes)
    order.decided_before = order.changed = True
    release(builder, order)


def _apply(
    builder: DecisionBuilder, line: Line, new_demand: NewDemand, outcome: NewDemandOutcome, quotes: _Quotes
) -> None:
    session = builder.session
    sku = session.skus[line.sku]
    # Units that were declined change nothing of what the rest of the line claims.
    quoted = quotes.last.get(line.sku) if new_demand.units > outcome.declined else None
    builder.apply_outcome(line, new_demand.units, outcome, quoted)
    session.enqueue(line)
    taken = outcome.granted
    if taken and sku.policy.bypass_limit is not None and sku.waiting_units:
        # Whoever ships complete and waits for it has been passed.
        session.unwritten.overtaken.add(line.sku)


def _record(
    builder: DecisionBuilder,
    inputs: NewDemandInputs,
    new_demands: Sequence[NewDemand],
    outcomes: Sequence[NewDemandOutcome],
) -> None:
    number = builder.step_number
    rows = [
        DecisionRow(
            number,
            rank,
            new_demand.line_id,
            new_demand.sku,
            new_demand.open_units,
            outcome.granted,
            outcome.reason,
            stored_demand(new_demand, outcome),
        )
        for rank, (new_demand, outcome) in enumerate(zip(new_demands, outcomes, strict=True), start=1)
    ]
    builder.add_step(stored_step(inputs) | _named_by(builder, inputs), rows)


def _named_by(builder: DecisionBuilder, inputs: NewDemandInputs) -> dict[str, int]:
    """The table of lateness that the quoted dates were named by, where dates are learned."""
    reliances = [builder.session.skus[sku].reliance for sku in inputs.supply]
    versions = [one.table.version for one in reliances if one is not None]
    return {"table_version": versions[0]} if versions and inputs.quotes else {}


def waits_for_deferred_order(session: AllocationSession, order: Order) -> bool:
    """Whether the order stands in line for a transaction of its own."""
    return any(order.order_id in session.pending.get(sku, ()) for sku in order.skus())
