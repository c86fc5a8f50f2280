"""Promises that the supply no longer keeps: found by comparing what was expected before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.ports import AllocationStore, MovedLine
from allocation_service.application.session.published_reason import Wording, published_reason
from allocation_service.application.session.session_records import Origin
from allocation_service.application.session.store_session import PART
from allocation_service.domain import protocol_rules
from allocation_service.domain.promising import promise_dates
from allocation_service.domain.promising.promise_dates import Revision
from event_contracts import new_event_id
from event_contracts.fast_encoding import (
    IntegrationEvent,
    integration_events,
    line_data,
    moment,
    promise_data,
)


def note_slips(session: AllocationSession, sku: str, origin: Origin) -> None:
    """Mark the SKU for revision if its supply comes later or is less than it was when it was locked."""
    state = session.skus[sku]
    if not state.waiting_units or state.last_now is None:
        return
    now = state.last_now
    before = session.expected_before(sku, now)
    after = state.expected(now, session.grace_days)
    undated = not state.promised or sum(state.promised.values()) < state.waiting_units
    if undated or promise_dates.is_worse(before, after, session.given_to_waiting.get(sku, 0)):
        session.revisions_due.setdefault(sku, origin)


async def revise(store: AllocationStore, session: AllocationSession) -> int:
    """Revise the promises of all marked SKUs, each in one statement, and tell; the session has been written
    before. The number of events told."""
    told = 0
    for sku in sorted(session.revisions_due):
        state = session.skus[sku]
        if not state.waiting_units or state.last_now is None:
            continue
        origin = session.revisions_due[sku]
        before = sum(one.units for one in session.expected_before(sku, state.last_now))
        revision = Revision(
            sku,
            state.expected(state.last_now, session.grace_days),
            max(0, before - session.given_to_waiting.get(sku, 0)),
            state.last_now,
            state.lead_time_days,
            state.release_date(),
            origin.name,
            new_event_id(),
            origin.event_id,
        )
        moved = await store.revise_promises(revision)
        await store.lock_orders(protocol_rules.lock_order(line.order_id for line in moved))
        for events in revised_events(moved, revision, origin, session.wording):
            await store.publish(events)
            told += len(events)
    return told


def revised_events(
    moved: Sequence[MovedLine], revision: Revision, origin: Origin, wording: Wording
) -> Iterator[list[IntegrationEvent]]:
    """One event for each order whose promises moved, in parts."""
    orders: dict[str, list[MovedLine]] = {}
    for line in sorted(moved, key=lambda one: (one.order_id, one.line_id)):
        orders.setdefault(line.order_id, []).append(line)
    made_at = moment(datetime.now(UTC))
    part: list[IntegrationEvent] = []
    for order_id, lines in orders.items():
        part += integration_events(
            "PromiseRevised",
            order_id=order_id,
            basis=lines[0].basis,
            decision_id=revision.decision_id,
            decided_at=revision.now,
            lines=[_line(line, revision.cause, wording) for line in lines],
            correlation_id=lines[0].correlation_id,
            causation_id=origin.event_id,
            traceparent=origin.traceparent,
            made_at=made_at,
        )
        if len(part) >= PART:
            yield part
            part = []
    if part:
        yield part


def _line(line: MovedLine, cause: str, wording: Wording) -> dict[str, Any]:
    return line_data(
        line_id=line.line_id,
        sku=line.sku,
        version=line.line_version,
        granted=line.allocated,
        waiting=line.waiting,
        declined=line.declined,
        reason=published_reason(line.reason, wording),
        promise=promise_data(line.promise_date, line.promise_revision, cause),
    )
