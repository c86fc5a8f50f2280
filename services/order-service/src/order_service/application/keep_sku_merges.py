"""Use case: keep what SKUs that were renamed or merged are called now."""

from __future__ import annotations

from collections.abc import Sequence

from event_contracts import Event, SkuMerge
from order_service.application.ports import OrderUnitOfWork


async def keep_sku_merges(uow: OrderUnitOfWork, events: Sequence[Event]) -> None:
    """Keep the merges; they may come in any order and repeatedly.

    An order keeps the names it was placed with. What belongs to the name that its SKU has now, such as the day of its
    release, is looked up by it.
    """
    for event in events:
        if isinstance(event.payload, SkuMerge):
            await uow.skus.save_merge(event.payload.sku, event.payload.merged)
