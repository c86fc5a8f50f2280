"""Deciding about units that have just been ordered, after those who already wait were served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from allocation_service.application.book import Book, Order
from allocation_service.application.case import Case, Row
from allocation_service.application.filling import release
from allocation_service.domain import rules
from allocation_service.domain.line import Line
from allocation_service.domain.placing import Newcomer, Placement, Terms, place_line, place_together
from allocation_service.domain.policy import Supply


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
        if all(rules.may_decide(known=book.skus[line.sku].known) for line in order.lines.values()):
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


class _Inputs(NamedTuple):
    """What a placing went by, as it was before it changed anything."""

    supply: dict[str, Supply]
    terms: dict[str, Terms]
    quotes: _Quotes


class _Quotes:
    """Promise dates as asked for, kept for the record."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.given: dict[tuple[str, int], date | None] = {}

    def __call__(self, sku: str, units: int) -> date | None:
        key = (sku, units)
        if key not in self.given:
            self.given[key] = self._case.book.skus[sku].quote(units, self._case.now, self._case.book.grace_days)
        return self.given[key]


def _place_line(case: Case, order: Order, line: Line) -> None:
    book = case.book
    sku = book.skus[line.sku]
    newcomer, supply, terms, quotes = _newcomer(order, line), sku.supply(None), sku.terms(), _Quotes(case)
    placement = place_line(newcomer, supply, terms, quotes, order.latest_acceptable)
    _apply(case, [newcomer], [placement])
    inputs = _Inputs({line.sku: supply}, {line.sku: terms}, quotes)
    _record(case, order, [(newcomer, placement)], inputs, placing=None)


def _place_together(case: Case, order: Order) -> None:
    book = case.book
    newcomers = [_newcomer(order, line) for line in order.lines.values() if line.waiting]
    skus = sorted({one.sku for one in newcomers})
    supply = {sku: book.skus[sku].supply(None) for sku in skus}
    terms = {sku: book.skus[sku].terms() for sku in skus}
    quotes, placing = _Quotes(case), not order.placed
    placements = place_together(newcomers, supply, terms, quotes, order.latest_acceptable, placing=placing)
    _apply(case, newcomers, placements)
    pairs = list(zip(newcomers, placements, strict=True))
    _record(case, order, pairs, _Inputs(supply, terms, quotes), placing=placing)
    order.placed = order.changed = True
    release(case, order)


def _apply(case: Case, newcomers: list[Newcomer], placements: list[Placement]) -> None:
    book = case.book
    for newcomer, placement in zip(newcomers, placements, strict=True):
        line = book.lines[newcomer.line_id]
        free_before = book.skus[line.sku].free
        waited = line.queued_units
        case.place(line, newcomer.units, placement.declined, placement.promise_date, placement.reason)
        if placement.grants:
            case.grant(line, placement.grants, placement.reason)
        book.enqueue(line)
        taken = free_before - book.skus[line.sku].free
        if taken and book.skus[line.sku].waiting_units:
            # Stock that those who ship complete were promised may be gone now.
            book.revisions.setdefault(line.sku, case.origin)
        book.given[line.sku] = book.given.get(line.sku, 0) + min(taken, waited)


def _record(
    case: Case, order: Order, pairs: Sequence[tuple[Newcomer, Placement]], inputs: _Inputs, *, placing: bool | None
) -> None:
    step: dict[str, Any] = {
        "kind": "place",
        "order_id": order.order_id,
        "supply": {sku: one._asdict() for sku, one in inputs.supply.items()},
        "terms": {sku: one._asdict() for sku, one in inputs.terms.items()},
        "quotes": [[sku, units, day] for (sku, units), day in inputs.quotes.given.items()],
        "latest": order.latest_acceptable,
        "placing": placing,
    }
    rows = [
        Row(
            case.step_number,
            rank,
            newcomer.line_id,
            newcomer.sku,
            newcomer.open_units,
            sum(units for _, units in placement.grants),
            placement.reason,
            {
                "newcomer": newcomer._asdict(),
                "grants": placement.grants,
                "declined": placement.declined,
                "promise_date": placement.promise_date,
            },
        )
        for rank, (newcomer, placement) in enumerate(pairs, start=1)
    ]
    case.add_step(step, rows)


def waits_for_recheck(book: Book, order: Order) -> bool:
    """Whether the order stands in line for a transaction of its own."""
    return any(order.order_id in book.pending.get(sku, ()) for sku in order.skus())
