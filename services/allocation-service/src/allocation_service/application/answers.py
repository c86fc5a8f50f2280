"""From a case to its events: one for each order, the line's absolute state, the type names the cause."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from allocation_service.application.answer import Answer, answer, line_data, moment, promise_data
from allocation_service.application.book import Order
from allocation_service.application.case import Case
from allocation_service.domain.line import Line

ORDER_EVENTS = {
    "OrderPlaced": "placed",
    "OrderAmended": "amended",
    "OrderCancelled": "cancelled",
    "OrderShipped": "shipped",
}


def line_state(line: Line) -> dict[str, Any]:
    """The public state of a line."""
    promise = None
    if line.queued_units and (line.promise_date is not None or line.promise_revision):
        promise = promise_data(line.promise_date, line.promise_revision, line.promise_cause)
    return line_data(
        line_id=line.line_id,
        sku=line.sku,
        version=line.version,
        granted=line.granted,
        waiting=line.waiting,
        declined=line.declined,
        reason=line.reason,
        promise=promise,
    )


def events_of(
    case: Case, own: Order | None = None, answering: str | None = None, line_ids: Iterable[str] | None = None
) -> list[Answer]:
    """The events of a case: the answer to its own order (all lines), and one for each other order that changed.

    ``own`` without ``answering`` is told nothing yet: its answer follows its recheck.
    ``line_ids`` limits them to some of the touched lines.
    """
    touched: dict[str, list[Line]] = {}
    for line_id in case.before if line_ids is None else line_ids:
        line = case.book.lines[line_id]
        touched.setdefault(line.order_id, []).append(line)
    events: list[Answer] = []
    made_at = moment(datetime.now(UTC))
    if own is not None and answering is not None:
        lines = list(own.lines.values())
        events.append(_event(case, own, answer_name(case, own, answering), lines, made_at))
    if own is not None:
        touched.pop(own.order_id, None)
    for order_id, lines in touched.items():
        changed = [line for line in lines if _changed(case, line)]
        name = change_name(case, changed)
        if name is not None:
            events.append(_event(case, case.book.orders[order_id], name, changed, made_at))
    return events


def answer_name(case: Case, order: Order, answering: str) -> str:
    """The type of an answer to an order event."""
    if answering in ("placed", "amended") and _declined(case, order.lines.values()):
        return "OrderDeclined"
    if answering in ("cancelled", "shipped"):
        rise = _rise(case, order.lines.values())
        if rise:
            return "BackorderAllocated" if rise > 0 else "AllocationReleased"
    return "OrderBackordered" if any(line.waiting for line in order.lines.values()) else "OrderAllocated"


def change_name(case: Case, lines: list[Line]) -> str | None:
    """The type of an event about lines that some other cause changed; None where nothing shows."""
    if not lines:
        return None
    if _declined(case, lines):
        return "OrderDeclined"
    rise = _rise(case, lines)
    if rise:
        return "BackorderAllocated" if rise > 0 else "AllocationReleased"
    if any(line.granted != case.before[line.line_id].granted for line in lines):
        return "BackorderAllocated"
    return "PromiseRevised"


def _changed(case: Case, line: Line) -> bool:
    before = case.before[line.line_id]
    return (line.granted, line.waiting, line.declined, line.promise_date, line.undecided) != (
        before.granted,
        before.waiting,
        before.declined,
        before.promise_date,
        before.undecided,
    )


def _declined(case: Case, lines: Iterable[Line]) -> bool:
    return any(line.line_id in case.before and line.declined > case.before[line.line_id].declined for line in lines)


def _rise(case: Case, lines: Iterable[Line]) -> int:
    return sum(
        line.granted_units - case.before[line.line_id].granted_units for line in lines if line.line_id in case.before
    )


def _event(case: Case, order: Order, name: str, lines: list[Line], made_at: bytes) -> Answer:
    for line in lines:
        case.book.touch(line)
        line.version += 1
    return answer(
        name,
        order_id=order.order_id,
        basis=order.basis,
        decision_id=case.record.decision_id,
        decided_at=case.now,
        lines=[line_state(line) for line in lines],
        sequence=max((line.version for line in lines), default=0),
        correlation_id=order.correlation_id,
        causation_id=case.origin.event_id,
        traceparent=case.origin.traceparent,
        made_at=made_at,
    )
