"""Create or replace SKUs with their selling policies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inventory_service.application.integration_events import policy_changed
from inventory_service.application.ports import InventoryUnitOfWork, StoredVersion
from inventory_service.domain.catalogue import Sku


@dataclass(frozen=True, slots=True)
class PutSkus:
    """The complete new state of some SKUs; ``changed_at`` is the business time, now if it is None."""

    skus: tuple[Sku, ...]
    changed_at: datetime | None = None


async def put_skus(uow: InventoryUnitOfWork, command: PutSkus) -> dict[str, StoredVersion]:
    """Store the SKUs and publish ``SkuPolicyChanged`` for each that was created or changed; returns all by SKU."""
    stored = await uow.catalogue.put_skus(command.skus)
    changed_at = command.changed_at or uow.now
    await uow.publish(
        [policy_changed(sku, stored[sku.sku].version, changed_at) for sku in command.skus if stored[sku.sku].changed]
    )
    return stored
