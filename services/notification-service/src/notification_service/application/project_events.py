"""Projecting events: what customers have to be told, the names of SKUs, and what webhook endpoints get."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from event_contracts import AllocationState, DelayOffer, Event, OrderState, PaymentStatus, SkuPolicy
from notification_service.application.notifications.queue_delay_notices import announced_offers, queue_delay_notices
from notification_service.application.notifications.queue_payment_problems import queue_payment_problems
from notification_service.application.ports.orders import SkuName
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.application.webhooks.queue_webhooks import queue_webhooks
from notification_service.domain.messages import MessageTiming
from notification_service.domain.orders import (
    LineAllocation,
    OrderLineSnapshot,
    OrderProjection,
    OrderSnapshot,
    total,
)
from notification_service.domain.reasons import Reason
from service_kit.messaging.believed_times import believable

_OF_ORDERS = (OrderState, AllocationState, DelayOffer, PaymentStatus)


async def project_events(uow: NotificationUnitOfWork, events: Sequence[Event], timing: MessageTiming) -> None:
    """Apply a batch of events to the projections and queue them for the webhook endpoints that want them.

    Stale, repeated and reordered events change no projection. A message that becomes due is composed later, by
    ``compose_due_notifications``; a notice of a delay, and of a payment that needs its
    customer, is queued at once. What customers read is dated by times that
    can be believed (protocol rule 20); webhooks tell what was published.
    """
    believed = believable(events, uow.now)
    if moments := [at for event in believed if (at := _business_time(event)) is not None]:
        uow.saw(max(moments))
    await _project_orders(uow, believed, timing)
    await _project_sku_names(uow, events)
    await queue_webhooks(uow, events)


def _business_time(event: Event) -> datetime | None:
    """When what an event tells of an order happened; None of other events, whose readers are not customers."""
    match event.payload:
        case AllocationState(decided_at=at) | DelayOffer(made_at=at):
            return at
        case _:
            return None


async def _project_orders(uow: NotificationUnitOfWork, events: Sequence[Event], timing: MessageTiming) -> None:
    order_ids = {event.key for event in events if isinstance(event.payload, _OF_ORDERS)}
    orders = await uow.orders.lock(order_ids) if order_ids else {}
    changed: dict[str, OrderProjection] = {}
    for event in events:
        if not isinstance(event.payload, OrderState | AllocationState):
            continue
        order = orders[event.key]
        if _apply(order, event.payload):
            order.schedule_message(event.id, uow.now, timing)
            changed[order.order_id] = order
    for offer in announced_offers(events, orders):
        order = orders[offer.order_id]
        for line in offer.lines:
            if order.count_date_as_told(line.line_id, line.to_date):
                changed[order.order_id] = order
    await uow.orders.save(changed.values())
    await queue_delay_notices(uow, events, orders)
    await queue_payment_problems(uow, events, orders)


async def _project_sku_names(uow: NotificationUnitOfWork, events: Sequence[Event]) -> None:
    names: dict[str, SkuName] = {}
    for event in events:
        policy = event.payload
        if isinstance(policy, SkuPolicy) and (policy.sku not in names or names[policy.sku].version < policy.version):
            names[policy.sku] = SkuName(policy.version, policy.name)
    if names:
        await uow.orders.save_sku_names(names)


def _apply(order: OrderProjection, state: OrderState | AllocationState) -> bool:
    if isinstance(state, OrderState):
        return order.apply_order(_snapshot(state))
    return order.apply_allocations(_allocations(state))


def _snapshot(state: OrderState) -> OrderSnapshot:
    return OrderSnapshot(
        order_id=state.order_id,
        sequence=state.sequence,
        reference=state.reference,
        contact_id=state.contact_id,
        customer_id=state.customer_id,
        placed_at=state.placed_at,
        lines=tuple(
            OrderLineSnapshot(
                line.line_id, line.sku, line.quantity, line.cancelled, total(line.shipped) - total(line.voided)
            )
            for line in state.lines
        ),
    )


def _allocations(state: AllocationState) -> tuple[LineAllocation, ...]:
    return tuple(
        LineAllocation(
            line_id=line.line_id,
            sku=line.sku,
            version=line.line_version,
            granted=total(line.allocated),
            waiting=line.waiting,
            declined=line.declined,
            reason=Reason(line.reason, line.reason_code, line.reason_parameters or {}),
            promise_date=line.promise.date if line.promise else None,
        )
        for line in state.lines
    )
