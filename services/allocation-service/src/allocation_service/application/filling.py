"""Stock that is free goes to those who wait, in the policy's order, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable

from allocation_service.application.book import Book, Order
from allocation_service.application.case import Case, Row
from allocation_service.application.lending import lend_to_urgent, repay_lenders
from allocation_service.application.long_filling import serve_long_queue
from allocation_service.application.ports import Ledger
from allocation_service.application.ranked_filling import serve_ranked
from allocation_service.application.storing import PART, prepare_part
from allocation_service.application.waiters import reach, run_decision
from allocation_service.domain import rules
from allocation_service.domain.line import Line
from allocation_service.domain.policy import NO_DATE, Moment
from allocation_service.domain.policy_document import stored_policy
from allocation_service.domain.recorded_fill import stored_moment
from allocation_service.domain.taking_back import Holding, stored_holding, take_back

RELEASED = "released: its order ships complete and no longer is"


async def settle_supply(case: Case, ledger: Ledger) -> None:
    """What a case freed or lost: take back where too much is granted, then serve those who wait."""
    if case.short:
        await take_back_shortfalls(case, ledger)
    release_incomplete(case)
    await repay_lenders(case, ledger)
    if case.freed:
        await give_to_waiters(case, ledger, case.freed)
    await lend_to_urgent(case, ledger)
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
    """Serve one queue as far as the supply reaches."""
    book = case.book
    policy = book.skus[sku].policy
    book.tell_promises(sku)
    if policy.shared and book.blocked(sku):
        # Shares are for all at once: they are made when the order that is decided by itself is done.
        return
    if book.skus[sku].open_stock > PART and policy.in_parts and not book.blocked(sku):
        await serve_long_queue(case, ledger, sku, unserved)
    if not policy.indexed:
        if _may_serve(book, sku):
            await serve_ranked(case, ledger, sku, unserved)
        return
    part = PART
    while _may_serve(book, sku):
        free = book.skus[sku].free
        demands = await reach(book, ledger, sku, min(free, part), unserved)
        if not demands:
            return
        run_decision(case, demands, book.skus[sku].policy)
        if free <= part:
            return
        if book.skus[sku].free == free:
            # Nobody in this part can be decided here: look as far as the supply would reach.
            part *= 4
            continue
        await ledger.store(prepare_part(case, ledger, sku))


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
    state = book.skus[sku]
    moment = Moment(case.now, book.next_supply(sku), state.lead_time_days)
    losses = take_back(missing, holdings, state.policy, moment)
    rows = []
    for loss in losses:
        line = book.lines[loss.holding.line_id]
        case.give_back(line, location, loss.units, loss.reason)
        case.losers.add(line.order_id)
        facts = stored_holding(loss.holding)
        rows.append(Row(case.step_number, loss.rank, line.line_id, sku, loss.units, -loss.units, loss.reason, facts))
    if rows:
        step = {
            "kind": "take_back",
            "location": location,
            "shortfall": missing,
            "policy": stored_policy(state.policy),
            "holdings": [stored_holding(holding) for holding in holdings],
            **stored_moment(moment),
        }
        case.add_step(step, rows)


def _holding(book: Book, line: Line, location: str) -> Holding:
    order = book.orders[line.order_id]
    queued_at = line.layers[0].queued_at if line.layers else order.placed_at
    if queued_at is None:
        raise ValueError(f"{line.line_id} holds stock but was never queued")
    return Holding(
        line.line_id,
        line.unshipped_at(location),
        queued_at,
        order.tier_rank,
        order.needed_by or NO_DATE,
        order.customer_id,
        line.unit_value,
    )


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
