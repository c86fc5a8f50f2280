"""The port ``Catalogue``: SKUs, locations, suppliers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import TextClause, text

from inventory_service.adapters.transaction import SqlTransaction
from inventory_service.application.ports import StoredVersion
from inventory_service.domain.catalogue import Location, Sku, Supplier
from inventory_service.domain.stock import LevelKey, StockLevel
from service_kit.persistence.bulk import Columns, arrays, assignments, names, unnest

_LOCK_VERSION = {
    "sku": text("SELECT version FROM sku WHERE sku = :id FOR UPDATE"),
    "location": text("SELECT version FROM location WHERE location_id = :id FOR UPDATE"),
    "supplier": text("SELECT version FROM supplier WHERE supplier_id = :id FOR UPDATE"),
}

_SKU_COLUMNS: Columns = (
    ("sku", "text"),
    ("name", "text"),
    ("category", "text"),
    ("lead_time_days", "integer"),
    ("mode", "text"),
    ("backorder_cap", "integer"),
    ("release_date", "date"),
)
# A row that says the same already is not updated and not returned: it keeps its version.
_PUT_SKUS = text(
    f"""
    INSERT INTO sku AS known ({names(_SKU_COLUMNS)}, created_at, updated_at)
    SELECT {names(_SKU_COLUMNS)}, :now, :now FROM {unnest(_SKU_COLUMNS, "new")}
    ORDER BY sku COLLATE "C"
    ON CONFLICT (sku) DO UPDATE
    SET {assignments(_SKU_COLUMNS[1:], "excluded")},
        version = known.version + 1, updated_at = excluded.updated_at
    WHERE (known.name, known.category, known.lead_time_days, known.mode, known.backorder_cap, known.release_date)
          IS DISTINCT FROM (excluded.name, excluded.category, excluded.lead_time_days, excluded.mode,
                            excluded.backorder_cap, excluded.release_date)
    RETURNING sku, version
    """
)
_SKU_VERSIONS = text("SELECT sku, version FROM sku WHERE sku = ANY(CAST(:skus AS text[]))")
_PUT_LOCATION = text(
    """
    INSERT INTO location AS known (location_id, name, priority, created_at, updated_at)
    VALUES (:id, :name, :priority, :now, :now)
    ON CONFLICT (location_id) DO UPDATE
    SET name = excluded.name, priority = excluded.priority, version = known.version + 1, updated_at = :now
    WHERE (known.name, known.priority) IS DISTINCT FROM (excluded.name, excluded.priority)
    RETURNING version
    """
)
_PUT_SUPPLIER = text(
    """
    INSERT INTO supplier AS known (supplier_id, name, created_at, updated_at)
    VALUES (:id, :name, :now, :now)
    ON CONFLICT (supplier_id) DO UPDATE
    SET name = excluded.name, version = known.version + 1, updated_at = :now
    WHERE known.name IS DISTINCT FROM excluded.name
    RETURNING version
    """
)
_TOUCH_LEVELS = text(
    """
    WITH locked AS (
        SELECT sku, location_id FROM stock_level WHERE location_id = :id ORDER BY sku, location_id FOR UPDATE
    )
    UPDATE stock_level level SET version = version + 1, updated_at = :now
    FROM locked WHERE level.sku = locked.sku AND level.location_id = locked.location_id
    RETURNING level.sku, level.location_id, on_hand, shipped, version, counted_at
    """
)


class SqlCatalogue(SqlTransaction):
    """One transaction on the catalogue."""

    async def lock_version(self, what: str, row_id: str) -> int | None:
        """See Catalogue."""
        version: int | None = (await self._conn.execute(_LOCK_VERSION[what], {"id": row_id})).scalar_one_or_none()
        return version

    async def put_skus(self, skus: Sequence[Sku], now: datetime) -> dict[str, StoredVersion]:
        """See Catalogue."""
        values = arrays(_SKU_COLUMNS, (_sku_row(sku) for sku in skus))
        written = {row.sku: row.version for row in await self._conn.execute(_PUT_SKUS, {**values, "now": now})}
        stored = {sku: StoredVersion(version, version == 1, True) for sku, version in written.items()}
        same = [sku.sku for sku in skus if sku.sku not in written]
        if same:
            for row in await self._conn.execute(_SKU_VERSIONS, {"skus": same}):
                stored[row.sku] = StoredVersion(row.version, False, False)
        return stored

    async def put_location(self, location: Location, now: datetime) -> StoredVersion:
        """See Catalogue."""
        values = {"id": location.location_id, "name": location.name, "priority": location.priority}
        return await self._put(_PUT_LOCATION, "location", values, now)

    async def put_supplier(self, supplier: Supplier, now: datetime) -> StoredVersion:
        """See Catalogue."""
        return await self._put(_PUT_SUPPLIER, "supplier", {"id": supplier.supplier_id, "name": supplier.name}, now)

    async def touch_levels_at(self, location_id: str, now: datetime) -> list[StockLevel]:
        """See Catalogue."""
        rows = await self._conn.execute(_TOUCH_LEVELS, {"id": location_id, "now": now})
        return [
            StockLevel(LevelKey(row.sku, row.location_id), row.on_hand, row.shipped, row.version, row.counted_at)
            for row in rows
        ]

    async def _put(
        self, statement: TextClause, what: str, values: Mapping[str, object], now: datetime
    ) -> StoredVersion:
        version = (await self._conn.execute(statement, {**values, "now": now})).scalar_one_or_none()
        if version is not None:
            return StoredVersion(version, version == 1, True)
        return StoredVersion(await self.lock_version(what, str(values["id"])) or 1, False, False)


def _sku_row(sku: Sku) -> tuple[object, ...]:
    policy = sku.policy
    return (
        sku.sku,
        sku.name,
        sku.category,
        sku.lead_time_days,
        policy.mode.value,
        policy.backorder_cap,
        policy.release_date,
    )
