"""Rule 13: orders that must be decided by themselves, with all of their SKUs locked up front, oldest first.

A batch that meets such an order (or a demand behind one) stores a recheck in its own transaction, so
that a crash loses nothing; the worker comes back to it right after.
"""

from __future__ import annotations

from allocation_service.application.book import Book, Order, Origin
from allocation_service.application.case import Case
from allocation_service.application.facts import advance
from allocation_service.application.filling import release, settle_supply
from allocation_service.application.handler import Options, close, finish
from allocation_service.application.newcomers import place_newcomers, waits_for_recheck
from allocation_service.application.ports import Ledger
from allocation_service.application.waiters import run_decision, together
from allocation_service.domain import rules
from allocation_service.domain.policy import Moment
from allocation_service.domain.sorting import sort_key


async def process_rechecks(ledger: Ledger, options: Options, limit: int = 500) -> Book | None:
    """Decide the oldest rechecks in one transaction; None where there are none.

    Nothing else is decided, except that stock these orders let go of is handed on.
    """
    order_ids = await ledger.oldest_rechecks(limit)
    if not order_ids:
        return None
    book = Book(grace_days=options.grace_days)
    skus = await ledger.skus_of_orders(order_ids)
    await ledger.lock_skus(book, rules.lock_order(skus), ())
    ready = await ledger.open_rechecks(book, order_ids)
    book.asked = set(ready)
    await ledger.load_orders(book, ready)
    left = sorted(ready, key=lambda order_id: _place(book, book.orders[order_id]))
    # Kept up to date instead of made anew for every order: hundreds of orders share thousands of SKUs.
    pending = _without(book.pending, set(left))
    for order_id in left:
        for sku in book.orders[order_id].skus():
            pending.setdefault(sku, set()).add(order_id)
    for order_id in left:
        order = book.orders[order_id]
        for sku in order.skus():
            pending[sku].discard(order_id)
        book.rechecked.add(order_id)
        book.decided += 1
        await _recheck(ledger, book, order, pending)
    book.pending = pending
    await finish(ledger, book)
    return book


async def _recheck(ledger: Ledger, book: Book, order: Order, pending: dict[str, set[str]]) -> None:
    """Decide one order as if it were alone; those behind it do not stand in its way, those ahead are done.

    ``pending`` holds who else waits to be decided by itself, per SKU; who joins them is added.
    """
    recheck = book.rechecks_due[order.order_id]
    now = rules.decision_time(recheck.cause_time, [book.skus[sku].last_now for sku in order.skus()])
    for sku in order.skus():
        advance(book.skus[sku], now)
    case = Case(book, Origin("Recheck", recheck.cause_event), now)
    case.own = order.order_id
    book.pending = {}
    _fill(case, order)
    decided = place_newcomers(case, order)
    if order.ship_complete and not order.undecided:
        release(case, order)
    for sku, orders in book.pending.items():
        pending.setdefault(sku, set()).update(orders)
    book.pending = pending
    # Whoever shares what there is waited for this order.
    case.freed.update(sku for sku in order.skus() if book.skus[sku].policy.shared and not book.blocked(sku))
    await settle_supply(case, ledger)
    case.renew_promises()
    answering = None
    if order.answer_due is not None and decided and not (order.undecided and waits_for_recheck(book, order)):
        answering, order.answer_due, order.changed = order.answer_due, None, True
    close(case, order if answering or order.answer_due else None, answering)


def _fill(case: Case, order: Order) -> None:
    """Give the order what it may have of the stock that is free."""
    book = case.book
    if order.ship_complete:
        demands = together(book, order, None, ())
        if demands:
            run_decision(case, demands, book.skus[demands[0].sku].policy)
        return
    for line in order.lines.values():
        sku = book.skus[line.sku]
        if line.queued_units and sku.free > 0 and rules.may_decide(known=sku.known):
            run_decision(case, [book.demand(line, entry) for entry in line.entries()], sku.policy)


def _place(book: Book, order: Order) -> tuple[object, ...]:
    """Where an order stands among the rechecks of one transaction: as in its first line's queue."""
    places = []
    for line in order.lines.values():
        if line.layers:
            demand = book.demand(line, line.layers[0])
            sku = book.skus[line.sku]
            moment = Moment(book.moment(line.sku).now, None, sku.lead_time_days)
            places.append(sort_key(demand, sku.policy._replace(protect_promises=False), moment))
    return (not places, *(min(places, default=())))


def _without(pending: dict[str, set[str]], orders: set[str]) -> dict[str, set[str]]:
    return {sku: rest for sku, waiting in pending.items() if (rest := waiting - orders)}
