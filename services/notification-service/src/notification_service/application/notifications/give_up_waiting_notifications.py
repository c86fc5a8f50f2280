"""Giving up notifications whose contact has not become known in time."""

from __future__ import annotations

from notification_service.application.notifications.finish_notifications import finish_notifications
from notification_service.application.ports.notifications import NotificationResult
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.notifications import FailureReason

NOTIFICATIONS_AT_ONCE = 500


async def give_up_waiting_notifications(uow: NotificationUnitOfWork, limit: int = NOTIFICATIONS_AT_ONCE) -> int:
    """Fail notifications that have waited for their contact for too long; returns how many.

    It locks contacts, which come before the orders that ``resume_waiting_notifications`` locks, so the two must
    not share a transaction in that order.
    """
    overdue = await uow.notifications.overdue(uow.now, limit)
    reason = FailureReason.NO_CONTACT.value
    await finish_notifications(uow, [NotificationResult(notification, reason) for notification in overdue])
    return len(overdue)
