"""Which event types each service handles, as its own code says."""

from __future__ import annotations

from event_contracts import EVENT_TYPES, Topic
from inventory_service.application.book_orders import ORDER_EVENTS
from order_service.application.apply_events import HANDLED


def _ce_types(names: frozenset[str]) -> frozenset[str]:
    return frozenset(EVENT_TYPES[name].ce_type for name in names)


def _of(*topics: Topic) -> frozenset[str]:
    return frozenset(name for name, event in EVENT_TYPES.items() if event.topic in topics)


HANDLED_TYPES = {
    "order": _ce_types(HANDLED),
    "inventory": _ce_types(ORDER_EVENTS),
    "allocation": _ce_types(_of(Topic.ORDERS, Topic.INVENTORY)),
    "notification": _ce_types(_of(Topic.ORDERS, Topic.INVENTORY, Topic.ALLOCATIONS)),
}
"""Service → the CloudEvents types that must stand in its inbox."""
