"""From the book to the store: what changed, then its events behind the locks of their orders."""

from __future__ import annotations

from typing import Any

from allocation_service.application.answers import events_of
from allocation_service.application.book import Book
from allocation_service.application.case import Case
from allocation_service.application.ports import Ledger
from allocation_service.domain import rules

PART = 10_000
"""Units handed out, and events told, before a part is stored."""


async def store_and_tell(ledger: Ledger, book: Book) -> None:
    """Write the book, then its events, behind the locks of their orders (rule 12)."""
    await ledger.store(prepare_all(ledger, book))


def prepare_part(case: Case, ledger: Ledger, sku: str) -> Any:
    """What stores and tells all that has been decided so far; the book forgets what is done and the case
    goes on under a new decision."""
    book = case.book
    done = case.settled_lines()
    book.events += events_of(case, line_ids=done)
    for line_id in done:
        del case.before[line_id]
    book.decisions.append(case.record)
    case.begin_record()
    prepared = prepare_all(ledger, book)
    # A line that waits at several places may be met again before it has been stored.
    unfinished = {line_id for line_id in done if (line := book.lines[line_id]).queued_units and len(line.layers) > 1}
    book.forget(sku, case.before.keys() | unfinished)
    for line_id in case.before:
        book.touch(book.lines[line_id])
    return prepared


def prepare_all(ledger: Ledger, book: Book) -> Any:
    """What stores and tells all that changed in the book, which from here on holds it for stored."""
    # Nobody else sees an order before it is committed: who inserts it holds it.
    book.locked_orders.update(order.order_id for order in book.orders.values() if not order.stored and order.changed)
    prepared = ledger.prepare(book, rules.lock_order({event.key for event in book.events} - book.locked_orders))
    book.written()
    return prepared
