"""Reading notifications, as far as the caller may see them."""

from __future__ import annotations

from dataclasses import dataclass

from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.notifications import Notification, NotificationNotFound


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose notifications a caller may see: those of one customer, or all if it is None."""

    customer_id: str | None = None


async def get_notification(uow: NotificationUnitOfWork, notification_id: str, viewer: Viewer) -> Notification:
    """The notification with its texts. Raises NotificationNotFound, also for one that the viewer may not see."""
    notification = await uow.queries.notification(notification_id, customer_id=viewer.customer_id)
    if notification is None:
        raise NotificationNotFound(notification_id)
    return notification


async def list_notifications(
    uow: NotificationUnitOfWork, viewer: Viewer, *, order_id: str | None, before: str | None, limit: int
) -> list[Notification]:
    """Notifications without their texts, the newest first: those of ``order_id``, or all that the viewer may see."""
    return await uow.queries.notifications(
        order_id=order_id, customer_id=viewer.customer_id, before=before, limit=limit
    )
