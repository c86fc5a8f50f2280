"""What every implementation of inventory's stores does; the suites are run on memory and on PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

from inventory_service.domain.catalogue import Location, SellingPolicy, Sku, Supplier

START = datetime(2010, 12, 1, tzinfo=UTC)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


class Suite:
    """The module of a subclass has two fixtures: ``units`` opens units of work on empty stores, by ``clock``.

    Tests commit what a later step reads, so that it is read from the store.
    """

    async def put_catalogue(self, units: Any) -> None:
        """SKUs lamp and chair, locations main and south, suppliers acme and zulu."""
        async with units.begin() as uow:
            await uow.catalogue.put_skus([Sku(sku, None, None, None, SellingPolicy()) for sku in ("lamp", "chair")])
            for location_id, priority in (("main", 10), ("south", 100)):
                await uow.catalogue.put_location(Location(location_id, location_id.title(), priority))
            for supplier_id in ("acme", "zulu"):
                await uow.catalogue.put_supplier(Supplier(supplier_id, supplier_id.title()))
            await uow.commit()
