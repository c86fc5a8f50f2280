"""Which use case handles which event."""

from __future__ import annotations

from notification_service.adapters.sql_unit_of_work import SqlNotificationUnitOfWork
from notification_service.application.project_events import HANDLED, TOPICS
from notification_service.bootstrap import NotificationApplication
from service_kit.messaging.subscription import Subscription


def subscription(app: NotificationApplication) -> Subscription[SqlNotificationUnitOfWork]:
    """Every event type of the topics goes to the same use case, since webhooks are sent for all of them."""
    return Subscription(TOPICS, dict.fromkeys(HANDLED, app.project_events), app.units.within)
