"""Promises that the supply no longer keeps: found by comparing what was expected before and after."""

from __future__ import annotations

from allocation_service.application.book import Book
from allocation_service.application.ports import Ledger
from allocation_service.domain import promising
from allocation_service.domain.promising import Revision
from event_contracts import Event, new_event_id


def note_slips(book: Book, sku: str, cause: str) -> None:
    """Mark the SKU for revision if its supply comes later or is less than it was when it was locked."""
    state = book.skus[sku]
    if not state.waiting_units or state.last_now is None:
        return
    now = state.last_now
    before = book.expected_before(sku, now)
    after = state.expected(now, book.grace_days)
    undated = not state.promised or sum(state.promised.values()) < state.waiting_units
    if undated or promising.is_worse(before, after, book.given.get(sku, 0)):
        book.revisions.setdefault(sku, cause)


async def revise(ledger: Ledger, book: Book) -> list[Event]:
    """Revise the promises of all marked SKUs, each in one statement; the book has been written before."""
    events: list[Event] = []
    for sku in sorted(book.revisions):
        state = book.skus[sku]
        if state.waiting_units and state.last_now is not None:
            before = sum(one.units for one in book.expected_before(sku, state.last_now))
            revision = Revision(
                sku,
                state.expected(state.last_now, book.grace_days),
                max(0, before - book.given.get(sku, 0)),
                state.last_now,
                state.lead_time_days,
                state.release_date(),
                book.revisions[sku],
                new_event_id(),
            )
            events += await ledger.revise_promises(revision)
    return events
