"""Whether SKUs can be had now and, if not, by when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.supply.availability import Availability, availability


async def read_availability(
    uow: AllocationUnitOfWork, wanted: Mapping[str, int], now: datetime, grace_days: int
) -> list[Availability]:
    """The availability of each SKU in the quantity that is ``wanted``, in the same order; unknown SKUs included."""
    skus = await uow.store.peek_skus(wanted, now)
    return [availability(sku, skus.get(sku), units, now, grace_days) for sku, units in wanted.items()]
