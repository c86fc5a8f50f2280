"""Create or replace SKUs with their selling policies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from inventory_service.application.integration_events import policy_changed
from inventory_service.application.ports import InventoryUnitOfWork, StoredVersion
from inventory_service.domain.catalogue import Sku
from inventory_service.domain.errors import SkuMerged
from service_kit.commands.errors import CommandNotCarriedOut

Kept = Literal["category", "lead_time_days", "policy"]
"""What decides how a SKU is sold and allocated: left out, it stays as it is."""


@dataclass(frozen=True, slots=True)
class PutSkus:
    """The new state of some SKUs; ``changed_at`` is the business time, now if it is None.

    ``kept`` names by SKU what the caller left out: an existing SKU keeps its own.
    """

    skus: tuple[Sku, ...]
    changed_at: datetime | None = None
    kept: Mapping[str, Collection[Kept]] = field(default_factory=dict)


async def put_skus(uow: InventoryUnitOfWork, command: PutSkus) -> dict[str, StoredVersion]:
    """Store the SKUs and publish ``SkuPolicyChanged`` for each that was created or changed; returns all by SKU.

    Raises SkuMerged for the first that is called something else now, SellingTermsIncomplete if what is kept and what is
    given do not fit together, and CommandNotCarriedOut if somebody else created such a SKU at the same time.
    """
    merged = await uow.catalogue.merged_names([sku.sku for sku in command.skus])
    if merged:
        name = min(merged)
        raise SkuMerged(name, merged[name].sku)
    asked = [sku.sku for sku in command.skus if command.kept.get(sku.sku)]
    known = await uow.catalogue.lock_skus(asked) if asked else {}
    skus = [
        keeping(sku, known[sku.sku].item, command.kept[sku.sku]) if sku.sku in known else sku for sku in command.skus
    ]
    return await store_skus(uow, skus, command.changed_at, new=set(asked) - known.keys())


async def store_skus(
    uow: InventoryUnitOfWork, skus: Sequence[Sku], changed_at: datetime | None, *, new: Collection[str]
) -> dict[str, StoredVersion]:
    """Store SKUs and publish those that were created or changed. Raises CommandNotCarriedOut if one of ``new``, which
    were not there to be locked, is there by now."""
    stored = await uow.catalogue.put_skus(skus)
    if any(stored[name].changed and not stored[name].created for name in new):
        # Somebody else has just created it: what it keeps was not known yet. Nothing is stored; a repetition knows.
        raise CommandNotCarriedOut
    changed_at = changed_at or uow.now
    await uow.publish(
        [policy_changed(sku, stored[sku.sku].version, changed_at) for sku in skus if stored[sku.sku].changed]
    )
    return stored


def keeping(sku: Sku, known: Sku, kept: Collection[Kept]) -> Sku:
    """The SKU with what it keeps of the known one. Raises SellingTermsIncomplete if that does not fit together."""
    merged = replace(sku, **{name: getattr(known, name) for name in kept})
    merged.check()
    return merged
