"""The events that notification handles, and the use case of each."""

from __future__ import annotations

from event_contracts import EVENT_TYPES, Topic
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.bootstrap import NotificationApplication
from service_kit.messaging.subscription import Subscription

TOPICS = (Topic.ORDERS, Topic.INVENTORY, Topic.ALLOCATIONS)
HANDLED = frozenset(name for name, event_type in EVENT_TYPES.items() if event_type.topic in TOPICS)
"""Every event type of the topics: webhook endpoints may ask for any of them."""


def subscription(app: NotificationApplication) -> Subscription[NotificationUnitOfWork]:
    """One use case handles every event: it projects those of orders, allocations and SKUs and queues all webhooks."""
    return Subscription(TOPICS, dict.fromkeys(HANDLED, app.project_events), app.units.within)
