"""Deciding about units that have just been ordered, after those who already wait were served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from allocation_service.application.book import Book, Order
from allocation_service.application.case import Case, Row
from allocation_service.application.filling import release
from allocation_service.application.guarding import explained, limited
from allocation_service.domain import rules
from allocation_service.domain.line import Line
from allocation_service.domain.placing import Newcomer, Placement, place_line, place_together
from allocation_service.domain.policy import Supply
from allocation_service.domain.recorded_placing import Inputs, stored_demand, stored_step


def place_newcomers(case: Case, order: Order) -> bool:
    """Decide all undecided units of an order that can be decided; False where it became a recheck."""
    book = case.book
    new = [line for line in order.lines.values() if _to_judge(line)]
    if not new:
        return True
    if order.ship_complete and not rules.decidable(order.skus(), book.skus):
        case.recheck(order)
        return False
    known = [line for line in new if line.sku in book.skus and rules.may_decide(known=book.skus[line.sku].known)]
    if not known or (order.ship_complete and len(known) < len(new)):
        _leave_undecided(case, new)
        return True
    skus = order.skus() if order.ship_complete else {line.sku for line in known}
    if rules.must_queue_behind(order.order_id, skus, book.pending):
        case.recheck(order)
        return False
    if order.ship_complete:
        # Whatever else of it waits was accepted before; lines of which nothing is left stand in nobody's way.
        _place_together(case, order)
    else:
        for line in known:
            _place_line(case, order, line)
    if not order.undecided:
        order.placed = order.changed = True
    return True


def _leave_undecided(case: Case, lines: list[Line]) -> None:
    for line in lines:
        if line.sku in case.book.skus:
            case.touch(line)
            line.reason = "undecided: how the SKU is sold is not known yet"


def _to_judge(line: Line) -> bool:
    return rules.units_to_judge(line.undecided, line.waiting) > 0


def _newcomer(order: Order, line: Line) -> Newcomer:
    units = rules.units_to_judge(line.undecided, line.waiting)
    return Newcomer(line.line_id, line.sku, units, line.waiting, order.preference, line.promise_date)


class _Quotes:
    """Promise dates as asked for, kept for the record."""

    def __init__(self, case: Case, supply: Mapping[str, Supply]) -> None:
        self._case, self._supply = case, supply
        self.given: dict[tuple[str, int], date | None] = {}

    def __call__(self, sku: str, units: int) -> date | None:
        key = (sku, units)
        if key not in self.given:
            # Of what is there, no more than the order may have.
            state, book = self._case.book.skus[sku], self._case.book
            most = min(state.open_stock, self._supply[sku].free)
            self.given[key] = state.quote(units, self._case.now, book.grace_days, most)
        return self.given[key]


def _place_line(case: Case, order: Order, line: Line) -> None:
    sku = case.book.skus[line.sku]
    newcomer, terms = _newcomer(order, line), sku.terms()
    supply, limit = limited(case, order, [line], sku.supply(None))
    quotes = _Quotes(case, {line.sku: supply})
    placement = explained(place_line(newcomer, supply, terms, quotes, order.latest_acceptable), newcomer, limit)
    _apply(case, line, newcomer, placement)
    inputs = Inputs(
        order.order_id,
        {line.sku: supply},
        {line.sku: terms},
        quotes.given,
        order.latest_acceptable,
        placing=None,
        followed={line.sku: sku.policy},
    )
    _record(case, inputs, [newcomer], [placement])


def _place_together(case: Case, order: Order) -> None:
    book = case.book
    newcomers = [_newcomer(order, line) for line in order.lines.values() if line.waiting]
    skus = sorted({one.sku for one in newcomers})
    supply = {}
    for sku in skus:
        lines = [one for one in order.lines.values() if one.sku == sku]
        supply[sku], _ = limited(case, order, lines, book.skus[sku].supply(None))
    terms = {sku: book.skus[sku].terms() for sku in skus}
    quotes, placing, latest = _Quotes(case, supply), not order.placed, order.latest_acceptable
    placements = place_together(newcomers, supply, terms, quotes, latest, placing=placing)
    for newcomer, placement in zip(newcomers, placements, strict=True):
        _apply(case, book.lines[newcomer.line_id], newcomer, placement)
    followed = {sku: book.skus[sku].policy for sku in skus}
    inputs = Inputs(order.order_id, supply, terms, quotes.given, latest, placing, followed)
    _record(case, inputs, newcomers, placements)
    order.placed = order.changed = True
    release(case, order)


def _apply(case: Case, line: Line, newcomer: Newcomer, placement: Placement) -> None:
    book = case.book
    waited = line.queued_units
    sku = book.skus[line.sku]
    promised_from = sku.open_stock
    case.place(line, newcomer.units, placement)
    book.enqueue(line)
    taken = placement.granted
    if taken and sku.waiting_units and sku.open_stock < promised_from:
        # Stock that those who ship complete were promised may be gone now.
        book.revisions.setdefault(line.sku, case.origin)
    if taken and sku.policy.bypass_limit is not None and sku.waiting_units:
        # Whoever ships complete and waits for it has been passed.
        book.overtaken.add(line.sku)
    if waited:
        book.given[line.sku] = book.given.get(line.sku, 0) + min(taken, waited)


def _record(case: Case, inputs: Inputs, newcomers: Sequence[Newcomer], placements: Sequence[Placement]) -> None:
    number = case.step_number
    rows = [
        Row(
            number,
            rank,
            newcomer.line_id,
            newcomer.sku,
            newcomer.open_units,
            placement.granted,
            placement.reason,
            stored_demand(newcomer, placement),
        )
        for rank, (newcomer, placement) in enumerate(zip(newcomers, placements, strict=True), start=1)
    ]
    case.add_step(stored_step(inputs), rows)


def waits_for_recheck(book: Book, order: Order) -> bool:
    """Whether the order stands in line for a transaction of its own."""
    return any(order.order_id in book.pending.get(sku, ()) for sku in order.skus())
