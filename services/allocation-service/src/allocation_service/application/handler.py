"""One batch of events, one transaction: apply the facts, decide, answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from allocation_service.application.answers import ORDER_EVENTS, events_of
from allocation_service.application.book import Book, Order, Origin
from allocation_service.application.case import Case
from allocation_service.application.facts import advance, apply_inventory, apply_order
from allocation_service.application.filling import settle_supply
from allocation_service.application.newcomers import place_newcomers, waits_for_recheck
from allocation_service.application.ports import Ledger
from allocation_service.application.revising import note_slips, revise
from allocation_service.application.storing import PART, store_and_tell
from allocation_service.domain import rules
from event_contracts import Event, InboundChange, OrderState, SkuPolicy, StockChange

INVENTORY_EVENTS = frozenset(
    {
        "StockReceived",
        "StockLevelChanged",
        "InboundScheduled",
        "InboundRescheduled",
        "InboundCancelled",
        "SkuPolicyChanged",
    }
)
_FACTS = (StockChange, InboundChange, SkuPolicy)
HANDLED = INVENTORY_EVENTS | ORDER_EVENTS.keys()


@dataclass(frozen=True)
class Options:
    """Settings of deciding: the tiers from best to worst, and how late an overdue delivery is taken to be."""

    tiers: tuple[str, ...] = ("platinum", "gold", "silver", "standard")
    grace_days: int = 2


async def handle_events(ledger: Ledger, events: Sequence[Event], options: Options) -> Book:
    """Apply a batch and store what follows from it; the book tells what happened."""
    orders = [(event, event.payload) for event in events if isinstance(event.payload, OrderState)]
    facts = [event for event in events if event.name in INVENTORY_EVENTS]
    book = Book(grace_days=options.grace_days)
    await _lock(ledger, book, facts, [state for _, state in orders])
    categories = {name: sku.category for name, sku in book.skus.items()}
    told = apply_inventory(book, facts)
    moved = [sku for sku in told if book.skus[sku].category != categories[sku]]
    if moved:
        await ledger.reload_policies(book, moved)
    for _, state in orders:
        for sku in {line.sku for line in state.lines}:
            book.moments[sku] = rules.decision_time(state.updated_at, [book.moments.get(sku), book.skus[sku].last_now])
    await _read_ahead(ledger, book, [state for _, state in orders], set(told))
    for sku, event in told.items():
        await _on_inventory(ledger, book, sku, event, alone=len(events) == 1)
    for event, state in orders:
        await _on_order(ledger, book, event, state, options, alone=len(events) == 1)
    await finish(ledger, book)
    return book


async def finish(ledger: Ledger, book: Book) -> None:
    """Store and tell what was decided; then revise the promises that the supply no longer keeps."""
    await store_and_tell(ledger, book)
    book.told += await revise(ledger, book)


async def _lock(ledger: Ledger, book: Book, facts: Sequence[Event], orders: Sequence[OrderState]) -> None:
    order_ids = {state.order_id for state in orders}
    skus = await ledger.skus_of_orders(order_ids) if order_ids else set()
    skus |= {line.sku for state in orders for line in state.lines}
    po_lines: set[str] = set()
    for event in facts:
        payload = event.payload
        if isinstance(payload, StockChange):
            po_lines |= {po_line.id for po_line in payload.po_lines}
        elif isinstance(payload, InboundChange):
            po_lines.add(payload.po_line)
        skus.add(event.key)
    book.causes = _causes(facts, orders)
    await ledger.lock_skus(book, rules.lock_order(skus), po_lines)
    book.asked = order_ids
    await ledger.load_orders(book, order_ids)


def _causes(facts: Sequence[Event], orders: Sequence[OrderState]) -> dict[str, datetime]:
    """The business time of what is told of each SKU: the version of its policy that is in force then decides."""
    times = [(event.key, event.payload.occurred_at) for event in facts if isinstance(event.payload, _FACTS)]
    times += [(line.sku, state.updated_at) for state in orders for line in state.lines]
    causes: dict[str, datetime] = {}
    for sku, moment in times:
        causes[sku] = max(moment, causes.get(sku, moment))
    return causes


async def _read_ahead(ledger: Ledger, book: Book, orders: Sequence[OrderState], told: set[str]) -> None:
    """Read the heads of all queues that this batch may serve at once, as far as the supply can reach."""
    reach = {sku: book.skus[sku].free for sku in told if book.skus[sku].waiting_units}
    for state in orders:
        known = book.orders.get(state.order_id)
        for line in known.lines.values() if known else ():
            if line.unshipped > 0 and book.skus[line.sku].waiting_units:
                reach[line.sku] = reach.get(line.sku, book.skus[line.sku].free) + line.unshipped
    reach = {sku: min(units, PART) for sku, units in reach.items() if units > 0 and book.skus[sku].policy.indexed}
    if reach:
        await ledger.load_queues(book, reach)


async def _on_inventory(ledger: Ledger, book: Book, sku: str, event: Event, *, alone: bool) -> None:
    state = book.skus[sku]
    case = Case(book, _origin(event, alone=alone), _now(state.last_now))
    if any(rules.shortfall(level.free) for level in state.levels.values()):
        case.short.add(sku)
    case.freed.add(sku)
    await settle_supply(case, ledger)
    if sku in book.just_known:
        await _decide_undecided(ledger, case, sku)
    case.renew_promises()
    close(case)
    note_slips(book, sku, case.origin)


async def _decide_undecided(ledger: Ledger, case: Case, sku: str) -> None:
    """The SKU is known now: decide what was ordered before, in the order it came."""
    book = case.book
    await ledger.undecided_orders(book, [sku])
    waiting = [line for line in (book.lines[one] for one in book.lines_of.get(sku, ())) if line.undecided]
    waiting.sort(key=lambda line: (line.layers[-1].queued_at, line.line_id))
    for order_id in dict.fromkeys(line.order_id for line in waiting):
        place_newcomers(case, book.orders[order_id])
    await settle_supply(case, ledger)


async def _on_order(
    ledger: Ledger, book: Book, event: Event, state: OrderState, options: Options, *, alone: bool
) -> None:
    last_known = [book.skus[line.sku].last_now for line in state.lines]
    case = Case(book, _origin(event, alone=alone), rules.decision_time(state.updated_at, last_known))
    case.own = state.order_id
    order = apply_order(case, event, state, options.tiers)
    if order is None:
        return
    for line in state.lines:
        advance(book.skus[line.sku], case.now)
        book.changed_skus.add(line.sku)
    if order.ship_complete or order.moved:
        # A line that was closed, or another place in the queue, may make it an eligible waiter.
        case.freed.update(line.sku for line in order.lines.values() if line.queued_units)
    for one in order.lines.values():
        sku = book.skus.get(one.sku)
        if sku is None or not sku.waiting_units:
            continue
        if sku.policy.lets_go and one.undecided:
            # Time may have let go of what a policy kept: those who wait come first.
            case.freed.add(one.sku)
        elif order.order_id in sku.kept_for:
            # It may want less of what was kept for it.
            case.freed.add(one.sku)
    await settle_supply(case, ledger)
    decided = place_newcomers(case, order)
    await settle_supply(case, ledger)
    case.renew_promises()
    answering: str | None = ORDER_EVENTS[event.name]
    if order.answer_due is not None and answering != "placed":
        answering = order.answer_due
    order.answer_due = None
    if not decided or (order.undecided and waits_for_recheck(book, order)):
        order.answer_due, answering = answering, None
    elif not rules.must_answer(applied=True, changed=bool(case.before)):
        answering = None
    close(case, order, answering)


def close(case: Case, order: Order | None = None, answering: str | None = None) -> None:
    """Turn a case into its events and its decision."""
    events = events_of(case, order, answering)
    case.book.events += events
    for sku in case.record.skus:
        advance(case.book.skus[sku], case.now)
        case.book.changed_skus.add(sku)
    if events or case.record.rows:
        case.book.decisions.append(case.record)


def _origin(event: Event, *, alone: bool) -> Origin:
    """An event handled alone is the parent of the current span, which says more than its own trace."""
    return Origin(event.name, event.id, None if alone else event.traceparent)


def _now(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError("a locked SKU has no time although a fact about it was applied")
    return moment
