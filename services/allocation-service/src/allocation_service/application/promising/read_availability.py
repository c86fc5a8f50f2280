"""Whether SKUs can be had now and, if not, by when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.supply.availability import Availability, availability


async def read_availability(
    uow: AllocationUnitOfWork, wanted: Mapping[str, int], now: datetime, grace_days: int
) -> list[Availability]:
    """The availability of each SKU in the quantity that is ``wanted``, in the same order; unknown SKUs included.

    A SKU that was renamed or merged is there as the one that it is now (protocol rule 25).
    """
    skus = await uow.store.peek_skus(wanted, now)
    renamed = {name: sku.merged_into for name, sku in skus.items() if sku.merged_into is not None}
    if renamed:
        current = await uow.store.peek_skus(set(renamed.values()), now)
        skus |= {name: current[sku] for name, sku in renamed.items()}
    return [availability(sku, skus.get(sku), units, now, grace_days) for sku, units in wanted.items()]
