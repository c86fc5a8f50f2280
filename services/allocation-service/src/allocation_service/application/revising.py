"""Promises that the supply no longer keeps: found by comparing what was expected before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from allocation_service.application.answer import Answer, answer, line_data, moment, promise_data
from allocation_service.application.book import Book, Origin
from allocation_service.application.ports import Ledger, MovedLine
from allocation_service.application.storing import PART
from allocation_service.domain import promising, rules
from allocation_service.domain.promising import Revision
from event_contracts import new_event_id


def note_slips(book: Book, sku: str, origin: Origin) -> None:
    """Mark the SKU for revision if its supply comes later or is less than it was when it was locked."""
    state = book.skus[sku]
    if not state.waiting_units or state.last_now is None:
        return
    now = state.last_now
    before = book.expected_before(sku, now)
    after = state.expected(now, book.grace_days)
    undated = not state.promised or sum(state.promised.values()) < state.waiting_units
    if undated or promising.is_worse(before, after, book.given.get(sku, 0)):
        book.revisions.setdefault(sku, origin)


async def revise(ledger: Ledger, book: Book) -> int:
    """Revise the promises of all marked SKUs, each in one statement, and tell; the book has been written
    before. The number of events told."""
    told = 0
    for sku in sorted(book.revisions):
        state = book.skus[sku]
        if not state.waiting_units or state.last_now is None:
            continue
        origin = book.revisions[sku]
        before = sum(one.units for one in book.expected_before(sku, state.last_now))
        revision = Revision(
            sku,
            state.expected(state.last_now, book.grace_days),
            max(0, before - book.given.get(sku, 0)),
            state.last_now,
            state.lead_time_days,
            state.release_date(),
            origin.name,
            new_event_id(),
            origin.event_id,
        )
        moved = await ledger.revise_promises(revision)
        await ledger.lock_orders(rules.lock_order(line.order_id for line in moved))
        for events in revised_events(moved, revision, origin):
            await ledger.publish(events)
            told += len(events)
    return told


def revised_events(moved: Sequence[MovedLine], revision: Revision, origin: Origin) -> Iterator[list[Answer]]:
    """One event for each order whose promises moved, in parts."""
    orders: dict[str, list[MovedLine]] = {}
    for line in sorted(moved, key=lambda one: (one.order_id, one.line_id)):
        orders.setdefault(line.order_id, []).append(line)
    made_at = moment(datetime.now(UTC))
    part: list[Answer] = []
    for order_id, lines in orders.items():
        part.append(
            answer(
                "PromiseRevised",
                order_id=order_id,
                basis=lines[0].basis,
                decision_id=revision.decision_id,
                decided_at=revision.now,
                lines=[_line(line, revision.cause) for line in lines],
                sequence=max(line.line_version for line in lines),
                correlation_id=lines[0].correlation_id,
                causation_id=origin.event_id,
                traceparent=origin.traceparent,
                made_at=made_at,
            )
        )
        if len(part) >= PART:
            yield part
            part = []
    if part:
        yield part


def _line(line: MovedLine, cause: str) -> dict[str, Any]:
    return line_data(
        line_id=line.line_id,
        sku=line.sku,
        version=line.line_version,
        granted=line.allocated,
        waiting=line.waiting,
        declined=line.declined,
        reason=line.reason,
        promise=promise_data(line.promise_date, line.promise_revision, cause),
    )
