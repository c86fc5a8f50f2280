"""Which use case each event goes to."""

from __future__ import annotations

from collections.abc import Sequence

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.allocating.handle_events import handle_events
from allocation_service.application.promising.keep_calendars import keep_calendars
from allocation_service.application.session.options import Options
from allocation_service.bootstrap import AllocationApplication
from event_contracts import Event, Topic
from service_kit.messaging.subscription import EventUseCase, Subscription
from service_kit.runtime.garbage_collection import collector_paused


def subscription(application: AllocationApplication) -> Subscription[SqlAllocationUnitOfWork]:
    """Orders and inventory: one use case for all that is about SKUs, because a batch locks all of its SKUs at once."""
    decide = deciding(application.options)
    return Subscription(
        (Topic.ORDERS, Topic.INVENTORY),
        {
            "OrderPlaced": decide,
            "OrderAmended": decide,
            "OrderCancelled": decide,
            "OrderShipped": decide,
            "StockReceived": decide,
            "StockLevelChanged": decide,
            "InboundScheduled": decide,
            "InboundRescheduled": decide,
            "InboundCancelled": decide,
            "SkuPolicyChanged": decide,
            "SkuMerged": decide,
            "LocationChanged": keep_calendars,
        },
        application.units.within,
    )


def deciding(options: Options) -> EventUseCase[SqlAllocationUnitOfWork]:
    """``handle_events`` with these options; the garbage collector waits until the batch is decided."""

    async def decide(uow: SqlAllocationUnitOfWork, events: Sequence[Event]) -> None:
        with collector_paused():
            await handle_events(uow, events, options)

    return decide
