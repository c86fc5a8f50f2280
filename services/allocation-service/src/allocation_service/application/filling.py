"""Stock that is free goes to those who wait, in the policy's order, in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from allocation_service.application.answers import events_of
from allocation_service.application.book import Book, Order
from allocation_service.application.case import Case, Row
from allocation_service.application.ports import Ledger
from allocation_service.domain import rules
from allocation_service.domain.deciding import Decision, decide
from allocation_service.domain.line import Entry, Line
from allocation_service.domain.policy import NO_DATE, Demand, Policy, Supply
from allocation_service.domain.replaying import stored_facts
from allocation_service.domain.taking_back import Holding, take_back

TAKEN_BACK = "taken back: less stock than granted"
RELEASED = "released: its order ships complete and no longer is"
PART = 10_000
"""Units handed out, and events told, before the transaction breathes."""
_READ_AT_LEAST = 50


async def settle_supply(case: Case, ledger: Ledger) -> None:
    """What a case freed or lost: take back where too much is granted, then serve those who wait."""
    await take_back_shortfalls(case, ledger)
    release_incomplete(case)
    await give_to_waiters(case, ledger, case.freed)
    case.freed.clear()


async def give_to_waiters(case: Case, ledger: Ledger, skus: Iterable[str]) -> None:
    """Hand out free stock of these SKUs. A ship-complete order that also waits for one of them whose
    own queue has not been served yet is left to a recheck: it would overtake there."""
    book = case.book
    ready = sorted(sku for sku in set(skus) if _may_serve(book, sku))
    for position, sku in enumerate(ready):
        if _may_serve(book, sku):
            await _serve(case, ledger, sku, frozenset(ready[position + 1 :]))


def _may_serve(book: Book, sku: str) -> bool:
    state = book.skus[sku]
    return rules.may_decide(known=state.known) and state.free > 0 and state.waiting_units > 0


async def _serve(case: Case, ledger: Ledger, sku: str, unserved: frozenset[str]) -> None:
    """Serve one queue. A great many lines are served in parts of one transaction: each is a decision of
    its own, stored and told before the next, so that neither memory nor the connection waits too long."""
    book = case.book
    part, first = PART, True
    while _may_serve(book, sku):
        free = book.skus[sku].free
        demands = await _reach(book, ledger, sku, min(free, part), unserved)
        if not demands:
            return
        run_decision(case, demands, book.skus[sku].policy)
        if free <= part:
            return
        if book.skus[sku].free == free:
            # Nobody in this part can be decided here: look as far as the supply would reach.
            part *= 4
            continue
        if first:
            book.locked_orders.update(await ledger.lock_queue_orders(sku, free))
            first = False
        await checkpoint(case, ledger, sku)


async def checkpoint(case: Case, ledger: Ledger, sku: str) -> None:
    """Store and tell what has been decided so far, and forget what is done."""
    book = case.book
    done = case.settled_lines()
    book.events += events_of(case, line_ids=done)
    for line_id in done:
        del case.before[line_id]
    book.decisions.append(case.record)
    case.begin_record()
    await store_and_tell(ledger, book)
    book.forget(sku, case.before)
    for line_id in case.before:
        book.touch(book.lines[line_id])


async def store_and_tell(ledger: Ledger, book: Book) -> None:
    """Write the book, then its events, behind the locks of their orders (rule 12)."""
    await ledger.write(book)
    await ledger.lock_orders(rules.lock_order({event.key for event in book.events} - book.locked_orders))
    for start in range(0, len(book.events), PART):
        await ledger.publish(book.events[start : start + PART])
    book.written()


def run_decision(case: Case, demands: list[Demand], policy: Policy) -> None:
    """Decide about these demands with what is free now, apply and record it."""
    book = case.book
    supply = {one: book.skus[one].supply(book.next_supply(one)) for one in sorted({d.sku for d in demands})}
    blocked = [one for one in supply if book.blocked(one)]
    decision = decide(supply, demands, policy, case.now, blocked=blocked)
    for outcome in decision.outcomes:
        if outcome.deferred:
            case.recheck(book.orders[outcome.demand.order_id])
        elif outcome.grants:
            case.grant(book.lines[outcome.demand.line_id], outcome.grants, outcome.reason)
            book.given[outcome.demand.sku] = book.given.get(outcome.demand.sku, 0) + outcome.granted
    _record(case, decision, supply, blocked)


async def _reach(book: Book, ledger: Ledger, sku: str, units: int, unserved: frozenset[str]) -> list[Demand]:
    """The head of the queue, as far as that many units reach."""
    if sku not in book.queues:
        await ledger.load_queues(book, {sku: max(units, _READ_AT_LEAST)})
    while True:
        demands, known = _head(book, sku, units, unserved)
        queue = book.queues[sku]
        if known or queue.complete:
            return demands
        await ledger.load_queues(book, {sku: queue.limit * 4})


def _head(book: Book, sku: str, free: int, unserved: frozenset[str]) -> tuple[list[Demand], bool]:
    """Demands from the part of the queue that was read, and whether it reached far enough."""
    queue, certain = book.queues[sku], 0
    found: list[Demand] = []
    seen: set[Any] = set()
    units: dict[str, dict[Any, int]] = {}
    for key, line_id, queued_at in queue.entries:
        if certain >= free:
            return found, True
        if not queue.complete and (queue.horizon is None or key > queue.horizon):
            return found, False
        if (line_id, queued_at) in seen:
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


async def take_back_shortfalls(case: Case, ledger: Ledger) -> None:
    """Rule 9: wherever more is granted than there is, the last in the queue's order give units back."""
    book = case.book
    for sku in sorted(case.short):
        state = book.skus[sku]
        for level in sorted(state.levels.values(), key=lambda one: one.location):
            missing = rules.shortfall(level.free)
            if missing:
                await ledger.load_holdings(book, sku, level.location, missing + len(book.lines_of.get(sku, ())))
                _take_back(case, sku, level.location, missing)
    case.short.clear()


def _take_back(case: Case, sku: str, location: str, missing: int) -> None:
    book = case.book
    holdings = [
        _holding(book, line, location)
        for line in (book.lines[line_id] for line_id in sorted(book.lines_of.get(sku, ())))
        if line.unshipped_at(location) > 0
    ]
    losses = take_back(missing, holdings, book.skus[sku].policy)
    rows = []
    for loss in losses:
        line = book.lines[loss.holding.line_id]
        case.give_back(line, location, loss.units, TAKEN_BACK)
        case.losers.add(line.order_id)
        facts = loss.holding._asdict()
        rows.append(Row(case.step_number, loss.rank, line.line_id, sku, loss.units, -loss.units, TAKEN_BACK, facts))
    if rows:
        step = {
            "kind": "take_back",
            "location": location,
            "shortfall": missing,
            "policy": book.skus[sku].policy._asdict(),
            "holdings": [holding._asdict() for holding in holdings],
        }
        case.add_step(step, rows)


def _holding(book: Book, line: Line, location: str) -> Holding:
    order = book.orders[line.order_id]
    queued_at = line.layers[0].queued_at if line.layers else order.placed_at
    if queued_at is None:
        raise ValueError(f"{line.line_id} holds stock but was never queued")
    return Holding(line.line_id, line.unshipped_at(location), queued_at, order.tier_rank, order.needed_by or NO_DATE)


def release_incomplete(case: Case) -> None:
    """Rule 14: ship-complete orders of this case that are no longer complete let go of their stock."""
    book = case.book
    concerned = case.losers | {book.lines[line_id].order_id for line_id in case.before}
    for order_id in sorted(concerned):
        order = book.orders[order_id]
        if not order.ship_complete:
            continue
        if not order.whole or not rules.decidable(order.skus(), book.skus):
            if order_id in case.losers:
                case.recheck(order)
        elif not order.undecided:
            release(case, order)
    case.losers.clear()


def release(case: Case, order: Order) -> None:
    """Give back all unshipped grants of a ship-complete order of which a part waits."""
    lines = list(order.lines.values())
    if not rules.is_incomplete(
        ship_complete=order.ship_complete,
        waiting=sum(line.waiting for line in lines),
        unshipped=sum(line.unshipped for line in lines),
    ):
        return
    rows: list[Row] = []
    for line in lines:
        for location in sorted(line.granted):
            units = line.unshipped_at(location)
            if units > 0:
                case.give_back(line, location, units, RELEASED)
                facts = {"order_id": order.order_id, "location": location}
                rows.append(
                    Row(case.step_number, len(rows) + 1, line.line_id, line.sku, units, -units, RELEASED, facts)
                )
    case.add_step({"kind": "release", "order_id": order.order_id}, rows)


def _record(case: Case, decision: Decision, supply: Mapping[str, Supply], blocked: list[str]) -> None:
    step = {
        "kind": "fill",
        "policy": decision.policy._asdict(),
        "supply": {sku: one._asdict() for sku, one in supply.items()},
        "blocked": blocked,
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
