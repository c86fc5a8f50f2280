"""Create or replace a supplier."""

from __future__ import annotations

from dataclasses import dataclass

from inventory_service.application.ports import InventoryUnitOfWork, StoredVersion
from inventory_service.domain.catalogue import Supplier
from inventory_service.domain.expected_version import ExpectedVersion


@dataclass(frozen=True, slots=True)
class PutSupplier:
    """The complete new state of a supplier; ``expected`` None replaces whatever version there is."""

    supplier: Supplier
    expected: ExpectedVersion | None = None


async def put_supplier(uow: InventoryUnitOfWork, command: PutSupplier) -> StoredVersion:
    """Store the supplier. Raises VersionMismatch."""
    current = await uow.catalogue.lock_supplier(command.supplier.supplier_id)
    if command.expected is not None:
        command.expected.check(current)
    return await uow.catalogue.put_supplier(command.supplier)
