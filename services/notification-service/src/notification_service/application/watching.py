"""Taking in events: orders, allocation's answers and SKU names, and queueing webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from event_contracts import EVENT_TYPES, AllocationState, Event, OrderState, SkuPolicy, Topic
from notification_service.application.ports import UnitOfWork
from notification_service.application.publishing import queue_webhooks
from notification_service.domain.messages import Holding
from notification_service.domain.orders import LineAnswer, OrderedLine, OrderReport, WatchedOrder, total

TOPICS = (Topic.ORDERS, Topic.INVENTORY, Topic.ALLOCATIONS)
HANDLED = frozenset(name for name, event in EVENT_TYPES.items() if event.topic in TOPICS)
"""All of them: merchants' endpoints may ask for any public event."""


async def take_in(work: UnitOfWork, events: Sequence[Event], now: datetime, holding: Holding) -> None:
    """Apply a batch of events. Stale, repeated and reordered ones change nothing."""
    order_ids = {event.key for event in events if isinstance(event.payload, OrderState | AllocationState)}
    orders = await work.orders.lock(order_ids) if order_ids else {}
    touched: dict[str, WatchedOrder] = {}
    names: dict[str, tuple[int, str | None]] = {}
    for event in events:
        payload = event.payload
        if isinstance(payload, SkuPolicy):
            known = names.get(payload.sku)
            if known is None or known[0] < payload.version:
                names[payload.sku] = (payload.version, payload.name)
        elif isinstance(payload, OrderState | AllocationState):
            order = orders[event.key]
            changed = (
                order.ordered(_report(payload))
                if isinstance(payload, OrderState)
                else order.answered(_answers(payload))
            )
            if changed:
                order.review(event.id, now, holding)
                touched[order.order_id] = order
    await work.orders.save(touched.values())
    if names:
        await work.orders.name_skus(names)
    await queue_webhooks(work, events, now)


def _report(state: OrderState) -> OrderReport:
    return OrderReport(
        order_id=state.order_id,
        sequence=state.sequence,
        reference=state.reference,
        contact_id=state.contact_id,
        customer_id=state.customer_id,
        placed_at=state.placed_at,
        lines=tuple(
            OrderedLine(line.line_id, line.sku, line.quantity, line.cancelled, total(line.shipped))
            for line in state.lines
        ),
    )


def _answers(state: AllocationState) -> tuple[LineAnswer, ...]:
    return tuple(
        LineAnswer(
            line_id=line.line_id,
            sku=line.sku,
            version=line.line_version,
            allocated=total(line.allocated),
            waiting=line.waiting,
            declined=line.declined,
            reason=line.reason,
            promise_date=line.promise.date if line.promise else None,
        )
        for line in state.lines
    )
