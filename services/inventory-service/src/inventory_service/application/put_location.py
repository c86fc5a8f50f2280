"""Create or replace a location."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inventory_service.application.integration_events import location_changed, stock_changed
from inventory_service.application.ports import InventoryUnitOfWork, StoredVersion
from inventory_service.application.queries import Versioned
from inventory_service.domain.catalogue import Location, LocationTerms
from inventory_service.domain.expected_version import ExpectedVersion
from inventory_service.domain.stock_level import StockLevel


@dataclass(frozen=True, slots=True)
class PutLocation:
    """The complete new state of a location; ``changed_at`` is the business time, now if it is None.

    ``expected`` None replaces whatever version there is.
    """

    location: Location
    expected: ExpectedVersion | None = None
    changed_at: datetime | None = None


async def put_location(uow: InventoryUnitOfWork, command: PutLocation) -> StoredVersion:
    """Store the location; publish ``LocationChanged`` if that created or changed it, and ``StockLevelChanged`` for its
    levels if they get other terms.

    Consumers keep the terms with each level, so that a new priority, or that the location is active no longer, reaches
    them as a new version of every level there. Raises VersionMismatch.
    """
    location = command.location
    before = await uow.catalogue.lock_location(location.location_id)
    if command.expected is not None:
        command.expected.check(None if before is None else before.version)
    stored = await uow.catalogue.put_location(location)
    if not stored.changed:
        return stored
    changed_at = command.changed_at or uow.now
    await uow.publish([location_changed(location, stored.version, changed_at)])
    if _published_terms(before, stored) != location.terms:
        await _publish_levels(uow, location, changed_at)
    return stored


def _published_terms(before: Versioned[Location] | None, stored: StoredVersion) -> LocationTerms | None:
    """The terms with which the levels at the location were published until now.

    Shipments may have made levels at a location that did not exist yet. None if they are not known, because another
    transaction created the location after this one looked for it.
    """
    if stored.created:
        return LocationTerms()
    return None if before is None else before.item.terms


async def _publish_levels(uow: InventoryUnitOfWork, location: Location, occurred_at: datetime) -> None:
    by_sku: dict[str, list[StockLevel]] = {}
    for level in await uow.levels.raise_versions_at(location.location_id):
        by_sku.setdefault(level.key.sku, []).append(level)
    terms = {location.location_id: location.terms}
    await uow.publish(
        [
            stock_changed("StockLevelChanged", levels, reason="location", occurred_at=occurred_at, terms=terms)
            for levels in by_sku.values()
        ]
    )
