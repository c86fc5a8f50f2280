"""Create or replace one SKU, if it still has the version on which the change is based."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from inventory_service.application.ports import InventoryUnitOfWork, StoredVersion
from inventory_service.application.put_skus import Kept, PutSkus, put_skus
from inventory_service.domain.catalogue import Sku
from inventory_service.domain.expected_version import ExpectedVersion


@dataclass(frozen=True, slots=True)
class PutSku:
    """The complete new state of a SKU; ``changed_at`` is the business time, now if it is None.

    ``expected`` None replaces whatever version there is. ``kept``: what the caller left out; see PutSkus.
    """

    sku: Sku
    expected: ExpectedVersion | None = None
    changed_at: datetime | None = None
    kept: Collection[Kept] = ()


async def put_sku(uow: InventoryUnitOfWork, command: PutSku) -> StoredVersion:
    """Store the SKU and publish ``SkuPolicyChanged`` if that created or changed it. Raises VersionMismatch."""
    current = await uow.catalogue.lock_sku(command.sku.sku)
    if command.expected is not None:
        command.expected.check(current)
    stored = await put_skus(uow, PutSkus((command.sku,), command.changed_at, {command.sku.sku: command.kept}))
    return stored[command.sku.sku]
