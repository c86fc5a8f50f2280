"""Which event types each service handles, as its own code says."""

from __future__ import annotations

from collections.abc import Iterable

from allocation_service.application.session.handle_events import HANDLED as HANDLED_BY_ALLOCATION
from event_contracts import EVENT_TYPES
from inventory_service.application.book_orders import ORDER_EVENTS
from notification_service.application.project_events import HANDLED as HANDLED_BY_NOTIFICATION
from order_service.application.apply_events import HANDLED as HANDLED_BY_ORDER


def _ce_types(names: Iterable[str]) -> frozenset[str]:
    return frozenset(EVENT_TYPES[name].ce_type for name in names)


HANDLED_TYPES = {
    "order": _ce_types(HANDLED_BY_ORDER),
    "inventory": _ce_types(ORDER_EVENTS),
    "allocation": _ce_types(HANDLED_BY_ALLOCATION),
    "notification": _ce_types(HANDLED_BY_NOTIFICATION),
}
"""Service → the CloudEvents types that must stand in its inbox."""
