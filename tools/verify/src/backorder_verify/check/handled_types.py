"""The event types that each service handles, taken from its own code."""

from __future__ import annotations

from collections.abc import Iterable

from allocation_service.application.allocating.handle_events import HANDLED as HANDLED_BY_ALLOCATION
from event_contracts import EVENT_TYPES
from inventory_service.entrypoints.consumer import USE_CASES as USE_CASES_OF_INVENTORY
from notification_service.entrypoints.consumer import HANDLED as HANDLED_BY_NOTIFICATION
from order_service.entrypoints.consumer import HANDLED as HANDLED_BY_ORDER


def _ce_types(names: Iterable[str]) -> frozenset[str]:
    return frozenset(EVENT_TYPES[name].ce_type for name in names)


HANDLED_TYPES = {
    "order": _ce_types(HANDLED_BY_ORDER),
    "inventory": _ce_types(USE_CASES_OF_INVENTORY),
    "allocation": _ce_types(HANDLED_BY_ALLOCATION),
    "notification": _ce_types(HANDLED_BY_NOTIFICATION),
}
"""Service → CloudEvents types whose events must be in its inbox."""
