"""The events that the order service reads, and the use case of each."""

from __future__ import annotations

from event_contracts import Topic
from order_service.application.apply_allocations import ALLOCATION_EVENTS
from order_service.application.keep_sku_merges import keep_sku_merges
from order_service.application.keep_sku_policies import keep_sku_policies
from order_service.application.ports import OrderUnitOfWork
from order_service.bootstrap import OrderApplication
from service_kit.messaging.subscription import Subscription

HANDLED = ALLOCATION_EVENTS | {"SkuPolicyChanged", "SkuMerged", "NotificationSent"}
"""The names of all events that have a use case."""


def subscription(application: OrderApplication) -> Subscription[OrderUnitOfWork]:
    """What allocation decides about orders, the selling policies and names that inventory announces, and which notices
    of delays notification has sent."""
    return Subscription(
        (Topic.ALLOCATIONS, Topic.INVENTORY, Topic.NOTIFICATIONS),
        {
            **dict.fromkeys(ALLOCATION_EVENTS, application.apply_allocations),
            "SkuPolicyChanged": keep_sku_policies,
            "SkuMerged": keep_sku_merges,
            "NotificationSent": application.record_sent_notices,
        },
        application.joined_unit,
    )
