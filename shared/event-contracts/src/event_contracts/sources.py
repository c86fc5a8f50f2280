"""The CloudEvents `source` of every service: who made an event.

An event's id is unique within its source (CloudEvents 1.0.2, section 3.1), so a service never changes its source.
"""

from __future__ import annotations

from collections.abc import Mapping

from event_contracts.catalog import Topic

ORDER_SOURCE = "/backorder/order-service"
INVENTORY_SOURCE = "/backorder/inventory-service"
ALLOCATION_SOURCE = "/backorder/allocation-service"
NOTIFICATION_SOURCE = "/backorder/notification-service"

SOURCES: Mapping[Topic, str] = {
    Topic.ORDERS: ORDER_SOURCE,
    Topic.INVENTORY: INVENTORY_SOURCE,
    Topic.ALLOCATIONS: ALLOCATION_SOURCE,
    Topic.NOTIFICATIONS: NOTIFICATION_SOURCE,
}
"""Topic → source of its only publisher."""
