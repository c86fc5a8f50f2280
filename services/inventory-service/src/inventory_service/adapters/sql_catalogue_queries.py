"""Questions about SKUs, locations and suppliers on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.adapters.sql_catalogue import LOCATION, versioned_location
from inventory_service.adapters.sql_conditions import where
from inventory_service.application.queries import Versioned
from inventory_service.domain.catalogue import Location, Mode, SellingPolicy, Sku, Supplier

_SKUS = "SELECT sku, name, category, lead_time_days, mode, backorder_cap, release_date, merged_into, version FROM sku"
_LOCATIONS = f"SELECT {LOCATION} FROM location"
_SUPPLIERS = "SELECT supplier_id, name, version FROM supplier"

_SKU = text(f"{_SKUS} WHERE sku = :id")
_LOCATION = text(f"{_LOCATIONS} WHERE location_id = :id")
_SUPPLIER = text(f"{_SUPPLIERS} WHERE supplier_id = :id")


class SqlCatalogueQueries:
    """Implements ``CatalogueQueries``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def sku(self, sku: str) -> Versioned[Sku] | None:
        """See CatalogueQueries."""
        row = (await self._connection.execute(_SKU, {"id": sku})).one_or_none()
        return None if row is None else _sku(row)

    async def skus(self, *, category: str | None, after: str | None, limit: int) -> Sequence[Versioned[Sku]]:
        """See CatalogueQueries."""
        conditions = {"sku > :after": after, "category = :category": category}
        statement = f"{_SKUS} {where(conditions)} ORDER BY sku LIMIT :limit"
        values = {"after": after, "category": category, "limit": limit}
        return [_sku(row) for row in await self._connection.execute(text(statement), values)]

    async def location(self, location_id: str) -> Versioned[Location] | None:
        """See CatalogueQueries."""
        row = (await self._connection.execute(_LOCATION, {"id": location_id})).one_or_none()
        return None if row is None else versioned_location(row)

    async def locations(self, *, after: str | None, limit: int) -> Sequence[Versioned[Location]]:
        """See CatalogueQueries."""
        statement = f"{_LOCATIONS} {where({'location_id > :after': after})} ORDER BY location_id LIMIT :limit"
        rows = await self._connection.execute(text(statement), {"after": after, "limit": limit})
        return [versioned_location(row) for row in rows]

    async def supplier(self, supplier_id: str) -> Versioned[Supplier] | None:
        """See CatalogueQueries."""
        row = (await self._connection.execute(_SUPPLIER, {"id": supplier_id})).one_or_none()
        return None if row is None else _supplier(row)

    async def suppliers(self, *, after: str | None, limit: int) -> Sequence[Versioned[Supplier]]:
        """See CatalogueQueries."""
        statement = f"{_SUPPLIERS} {where({'supplier_id > :after': after})} ORDER BY supplier_id LIMIT :limit"
        rows = await self._connection.execute(text(statement), {"after": after, "limit": limit})
        return [_supplier(row) for row in rows]


def _sku(row: Row[Any]) -> Versioned[Sku]:
    policy = SellingPolicy(Mode(row.mode), row.backorder_cap, row.release_date)
    return Versioned(Sku(row.sku, row.name, row.category, row.lead_time_days, policy, row.merged_into), row.version)


def _supplier(row: Row[Any]) -> Versioned[Supplier]:
    return Versioned(Supplier(row.supplier_id, row.name), row.version)
