"""Composing the notifications of orders whose message is due."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from event_contracts import new_event_id
from notification_service.application.notifications.template_data import skus_of, template_data_of
from notification_service.application.ports.notifications import NewNotification
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.messages import Message
from notification_service.domain.orders import Baseline, OrderProjection

ORDERS_AT_ONCE = 200


async def find_due_orders(
    uow: NotificationUnitOfWork, without: Collection[str], limit: int = ORDERS_AT_ONCE
) -> Sequence[str]:
    """The orders whose message is due."""
    return await uow.orders.find_due(uow.now, limit, without)


async def compose_due_notifications(uow: NotificationUnitOfWork, order_ids: Collection[str]) -> int:
    """Queue a notification for each of these orders whose message is due; how many were looked at.

    The customer counts as told from here on. What the customer had been told before is kept with the notification,
    in case it has to wait for its contact.
    """
    orders = await uow.orders.lock_due(uow.now, len(order_ids), order_ids)
    composed: list[tuple[OrderProjection, str, Message, Baseline]] = []
    for order in orders:
        baseline = order.baseline()
        message = order.take_message()
        if message is not None and order.contact_id is not None:
            composed.append((order, order.contact_id, message, baseline))
    names = await uow.orders.sku_names(skus_of(message for _, _, message, _ in composed))
    await uow.orders.save(orders)
    notifications = [
        NewNotification(
            notification_id=new_event_id(),
            order_id=order.order_id,
            contact_id=contact_id,
            template=message.template.value,
            cause=order.cause or "",
            template_data=template_data_of(order, message, names),
            baseline=baseline,
        )
        for order, contact_id, message, baseline in composed
    ]
    await uow.notifications.add(notifications, uow.now)
    return len(orders)
