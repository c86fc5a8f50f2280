"""From a decision to its events: one for each order, the line's absolute state, the type names the cause."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.order import Order, OrderEventKind
from allocation_service.application.session.published_reason import Wording, published_reason
from allocation_service.domain.demand.line import Line
from allocation_service.domain.promising.learned_supply import PromiseSource
from event_contracts.fast_encoding import (
    IntegrationEvent,
    PublishedSource,
    integration_events,
    line_data,
    moment,
    promise_data,
)

ORDER_EVENTS = {
    "OrderPlaced": OrderEventKind.PLACED,
    "OrderAmended": OrderEventKind.AMENDED,
    "OrderCancelled": OrderEventKind.CANCELLED,
    "OrderShipped": OrderEventKind.SHIPPED,
}
"""What each event of the order service did to its order."""


def line_state(line: Line, wording: Wording, release: date | None = None) -> dict[str, Any]:
    """The public state of a line. What is allocated has a date, too, before the ``release`` of its SKU."""
    promise = None
    if (line.queued_units or (release is not None and line.unshipped)) and (
        line.promise_date is not None or line.promise_revision
    ):
        source = published_source(line.promise_source)
        promise = promise_data(
            line.promise_date, line.promise_revision, line.promise_cause, source, ship_by=line.ship_by
        )
    return line_data(
        line_id=line.line_id,
        sku=line.sku,
        version=line.version,
        granted=line.granted,
        waiting=line.waiting,
        declined=line.declined,
        reason=published_reason(line.reason, wording),
        promise=promise,
    )


def published_source(source: PromiseSource | None) -> PublishedSource | None:
    """What a date rests on, as it is published."""
    if source is None:
        return None
    return PublishedSource(source.basis.value, source.source, source.confidence, source.table_version)


def events_of(
    builder: DecisionBuilder,
    own: Order | None = None,
    responds_to: OrderEventKind | None = None,
    line_ids: Iterable[str] | None = None,
) -> list[IntegrationEvent]:
    """The events of a decision: one for its own order (all lines), and one for each other order that changed.

    ``own`` is the order that the decision is about, ``responds_to`` the order event that its event responds to. Without
    that it is told nothing yet: its event follows when the deferred order is decided. ``line_ids`` limits the events to
    some of the touched lines.
    """
    touched: dict[str, list[Line]] = {}
    for line_id in builder.before if line_ids is None else line_ids:
        line = builder.session.lines[line_id]
        touched.setdefault(line.order_id, []).append(line)
    events: list[IntegrationEvent] = []
    made_at = moment(datetime.now(UTC))
    if own is not None and responds_to is not None:
        lines = list(own.lines.values())
        events += _events(builder, own, event_name(builder, own, responds_to), lines, made_at)
    if own is not None:
        touched.pop(own.order_id, None)
    for order_id, lines in touched.items():
        changed = [line for line in lines if _changed(builder, line)]
        name = change_event_name(builder, changed)
        if name is not None:
            events += _events(builder, builder.session.orders[order_id], name, changed, made_at)
    return events


def event_name(builder: DecisionBuilder, order: Order, responds_to: OrderEventKind) -> str:
    """The type of the event about an order that responds to an order event; consumers get the same state with each.

    OrderDeclined: units of a placed or amended order were declined. BackorderAllocated, AllocationReleased: after a
    cancellation or a shipment, more or fewer units of it are granted than before. Otherwise OrderBackordered if any
    unit waits, units that are not decided about yet included, or else OrderAllocated.
    """
    if responds_to in (OrderEventKind.PLACED, OrderEventKind.AMENDED) and _declined(builder, order.lines.values()):
        return "OrderDeclined"
    if responds_to in (OrderEventKind.CANCELLED, OrderEventKind.SHIPPED):
        rise = _rise(builder, order.lines.values())
        if rise:
            return "BackorderAllocated" if rise > 0 else "AllocationReleased"
    return "OrderBackordered" if any(line.waiting for line in order.lines.values()) else "OrderAllocated"


def change_event_name(builder: DecisionBuilder, lines: list[Line]) -> str | None:
    """The type of an event about lines that some other cause changed; None where nothing shows."""
    if not lines:
        return None
    if _declined(builder, lines):
        return "OrderDeclined"
    rise = _rise(builder, lines)
    if rise:
        return "BackorderAllocated" if rise > 0 else "AllocationReleased"
    # Units moved between locations: where the order ships from has changed, how much is allocated has not.
    if any(line.granted != builder.before[line.line_id].granted for line in lines):
        return "BackorderAllocated"
    return "PromiseRevised"


def _changed(builder: DecisionBuilder, line: Line) -> bool:
    before = builder.before[line.line_id]
    return (line.granted, line.waiting, line.declined, line.promise_date, line.undecided) != (
        before.granted,
        before.waiting,
        before.declined,
        before.promise_date,
        before.undecided,
    )


def _declined(builder: DecisionBuilder, lines: Iterable[Line]) -> bool:
    return any(
        line.line_id in builder.before and line.declined > builder.before[line.line_id].declined for line in lines
    )


def _rise(builder: DecisionBuilder, lines: Iterable[Line]) -> int:
    return sum(
        line.granted_units - builder.before[line.line_id].granted_units
        for line in lines
        if line.line_id in builder.before
    )


def _release(builder: DecisionBuilder, line: Line) -> date | None:
    sku = builder.session.skus.get(line.sku)
    return sku.release_date() if sku is not None else None


def _events(
    builder: DecisionBuilder, order: Order, name: str, lines: list[Line], made_at: bytes
) -> list[IntegrationEvent]:
    """One event, or several where the lines are too many for one."""
    for line in lines:
        builder.session.touch(line)
        line.version += 1
    return integration_events(
        name,
        order_id=order.order_id,
        basis=order.basis,
        decision_id=builder.record.decision_id,
        decided_at=builder.now,
        lines=[line_state(line, builder.session.wording, _release(builder, line)) for line in lines],
        correlation_id=order.correlation_id,
        causation_id=builder.origin.event_id,
        traceparent=builder.origin.traceparent,
        made_at=made_at,
    )
