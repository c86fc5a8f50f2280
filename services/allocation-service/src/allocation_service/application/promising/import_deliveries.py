"""What suppliers did before this was installed is brought along, so that dates begin with a history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.lateness.past_delivery import PastDelivery


class DeliveryFault(NamedTuple):
    """A field of a delivery (by its number) that cannot be."""

    number: int
    field: str
    detail: str


class DeliveriesRefused(Exception):
    """Some deliveries cannot have been as they are stated; none is recorded."""

    def __init__(self, faults: Sequence[DeliveryFault]) -> None:
        super().__init__(f"{len(faults)} deliveries cannot have been")
        self.faults = tuple(faults)


async def import_deliveries(uow: AllocationUnitOfWork, deliveries: Sequence[PastDelivery], today: date) -> int:
    """Record them; how many were new. One whose reference is known already is left as it is. Raises
    DeliveriesRefused."""
    faults = [
        DeliveryFault(number, *fault)
        for number, one in enumerate(deliveries)
        if (fault := one.fault(today)) is not None
    ]
    if faults:
        raise DeliveriesRefused(faults)
    return await uow.lateness.add_deliveries(deliveries)
