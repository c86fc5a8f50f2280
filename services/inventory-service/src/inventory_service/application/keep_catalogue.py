"""SKUs, locations and suppliers: made or changed by PUT. What stands already is left as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from inventory_service.application.events import policy_changed, stock_changed
from inventory_service.application.ports import Catalogue, StoredVersion
from inventory_service.domain.catalogue import Location, Sku, Supplier
from inventory_service.domain.stock import StockLevel

Expectation = Callable[[int | None], None]
"""Judges the version that stands (None: there is none) before a change; raises Problem 412."""


async def put_skus(
    catalogue: Catalogue, skus: Sequence[Sku], *, changed_at: datetime, now: datetime
) -> dict[str, StoredVersion]:
    """Make or change the SKUs; one ``SkuPolicyChanged`` for each that differs from what stood."""
    stored = await catalogue.put_skus(skus, now)
    await catalogue.publish(
        [policy_changed(sku, stored[sku.sku].version, changed_at) for sku in skus if stored[sku.sku].changed]
    )
    return stored


async def put_sku(
    catalogue: Catalogue, sku: Sku, *, expect: Expectation, changed_at: datetime, now: datetime
) -> StoredVersion:
    """Make or change one SKU where ``expect`` allows it."""
    expect(await catalogue.lock_version("sku", sku.sku))
    return (await put_skus(catalogue, [sku], changed_at=changed_at, now=now))[sku.sku]


async def put_location(
    catalogue: Catalogue, location: Location, *, expect: Expectation, changed_at: datetime, now: datetime
) -> StoredVersion:
    """Make or change a location. A new rank is announced with every level there: readers keep it with the level."""
    expect(await catalogue.lock_version("location", location.location_id))
    ranked = (await catalogue.priorities([location.location_id])).get(location.location_id)
    stored = await catalogue.put_location(location, now)
    if ranked is not None and ranked != location.priority:
        by_sku: dict[str, list[StockLevel]] = {}
        for level in await catalogue.touch_levels_at(location.location_id, now):
            by_sku.setdefault(level.key.sku, []).append(level)
        priorities = {location.location_id: location.priority}
        await catalogue.publish(
            [
                stock_changed(
                    "StockLevelChanged", levels, reason="location", occurred_at=changed_at, priorities=priorities
                )
                for levels in by_sku.values()
            ]
        )
    return stored


async def put_supplier(
    catalogue: Catalogue, supplier: Supplier, *, expect: Expectation, now: datetime
) -> StoredVersion:
    """Make or change a supplier."""
    expect(await catalogue.lock_version("supplier", supplier.supplier_id))
    return await catalogue.put_supplier(supplier, now)
