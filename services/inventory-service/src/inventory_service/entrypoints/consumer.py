"""The events that inventory reacts to, and the use case of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_contracts import Topic
from inventory_service.application.apply_order_events import apply_order_events
from service_kit.messaging.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventory_service.application.ports import InventoryUnitOfWork
    from inventory_service.bootstrap import InventoryApplication
    from service_kit.messaging.subscription import EventUseCase

USE_CASES: Mapping[str, EventUseCase[InventoryUnitOfWork]] = {
    "OrderPlaced": apply_order_events,
    "OrderAmended": apply_order_events,
    "OrderCancelled": apply_order_events,
    "OrderShipped": apply_order_events,
}


def subscription(app: InventoryApplication) -> Subscription[InventoryUnitOfWork]:
    """The subscription whose use cases run on the application's units of work."""
    return Subscription((Topic.ORDERS,), USE_CASES, app.units.within)
