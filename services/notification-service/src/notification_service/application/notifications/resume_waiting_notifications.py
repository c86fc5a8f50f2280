"""Queueing notifications that waited for their contact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from notification_service.application.notifications.template_data import skus_of, template_data_of
from notification_service.application.ports.notifications import NotificationRewrite, UnsentNotification
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.messages import Message
from notification_service.domain.orders import Baseline, OrderProjection

ORDERS_AT_ONCE = 200
"""Orders of one contact beyond these are resumed by the next calls."""


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """The notification ``notification_id`` of ``order``, which says ``message`` from now on."""

    notification_id: str
    order: OrderProjection
    message: Message
    baseline: Baseline


@dataclass(slots=True)
class _Plan:
    """What becomes of the unsent notifications: each is in one of the three."""

    requeued: list[str] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)
    rewritten: list[_Rewritten] = field(default_factory=list)


async def resume_waiting_notifications(uow: NotificationUnitOfWork, contact_id: str | None = None) -> int:
    """Queue notifications whose contact is known by now, or those of ``contact_id``; returns of how many orders.

    What they would have said may be out of date. One notification of each order is sent and says how the order
    stands now, measured from what the customer had been told before the first of them; the others are superseded.
    """
    order_ids = await uow.notifications.resumable_orders(ORDERS_AT_ONCE, contact_id)
    if not order_ids:
        return 0
    orders = await uow.orders.lock(order_ids)
    by_order: dict[str, list[UnsentNotification]] = defaultdict(list)
    for notification in await uow.notifications.lock_unsent(order_ids):
        by_order[notification.order_id].append(notification)
    plan = _Plan()
    for order_id, notifications in by_order.items():
        _resume(plan, orders[order_id], notifications)
    names = await uow.orders.sku_names(skus_of(rewritten.message for rewritten in plan.rewritten))
    await uow.orders.save(orders.values())
    await uow.notifications.supersede(plan.superseded, uow.now)
    rewrites = [
        NotificationRewrite(
            rewritten.notification_id,
            rewritten.message.template.value,
            template_data_of(rewritten.order, rewritten.message, names),
            rewritten.baseline,
        )
        for rewritten in plan.rewritten
    ]
    await uow.notifications.rewrite(rewrites, uow.now)
    await uow.notifications.requeue(plan.requeued, uow.now)
    return len(order_ids)


def _resume(plan: _Plan, order: OrderProjection, notifications: Sequence[UnsentNotification]) -> None:
    """Decide what becomes of one order's unsent ``notifications``, which come oldest first."""
    outdated: list[tuple[UnsentNotification, Baseline]] = []
    for notification in notifications:
        # One to a contact that the order no longer names, or without a stored baseline, is sent as it is.
        if notification.contact_id == order.contact_id and notification.baseline is not None:
            outdated.append((notification, notification.baseline))
        else:
            plan.requeued.append(notification.notification_id)
    if not outdated:
        return
    baseline = outdated[0][1]
    order.restore_baseline(baseline)
    # While changes are still being collected (a take-back may be undone), the message waits until it is due.
    message = order.take_message() if order.message_due is None else None
    if message is None:
        plan.superseded += [notification.notification_id for notification, _ in outdated]
        return
    # The newest one is sent: it keeps its cause, of which there is one notification only.
    *superseded, (kept, _) = outdated
    plan.superseded += [notification.notification_id for notification, _ in superseded]
    plan.rewritten.append(_Rewritten(kept.notification_id, order, message, baseline))
