"""Create or replace one SKU, if it still has the version on which the change is based."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from inventory_service.application.ports import InventoryUnitOfWork, StoredVersion
from inventory_service.application.put_skus import Kept, keeping, store_skus
from inventory_service.domain.catalogue import Sku
from inventory_service.domain.errors import SkuMerged
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


async def put_sku(uow: InventoryUnitOfWork, command: PutSku) -> tuple[Sku, StoredVersion]:
    """Store the SKU and publish ``SkuPolicyChanged`` if that created or changed it; returns it as it is stored.

    Raises VersionMismatch, and what ``put_skus`` raises.
    """
    name = command.sku.sku
    known = (await uow.catalogue.lock_skus([name])).get(name)
    if command.expected is not None:
        command.expected.check(known.version if known else None)
    if known is not None and known.item.merged_into is not None:
        raise SkuMerged(name, known.item.merged_into)
    sku = keeping(command.sku, known.item, command.kept) if known else command.sku
    new = {name} if known is None and command.kept else ()
    return sku, (await store_skus(uow, [sku], command.changed_at, new=new))[name]
