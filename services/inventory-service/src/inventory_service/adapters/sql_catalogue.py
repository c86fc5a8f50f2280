"""SKUs, locations and suppliers on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.application.ports import StoredVersion
from inventory_service.application.queries import Versioned
from inventory_service.domain.catalogue import Location, LocationTerms, MergedName, Mode, SellingPolicy, Sku, Supplier
from inventory_service.domain.handling_calendar import HandlingCalendar, Weekday
from service_kit.persistence.bulk import Columns, arrays, assignments, names, unnest

# Whoever merges a SKU locks its row FOR UPDATE: until this transaction ends, a name stays what it is.
_NAMES = text(
    "SELECT sku, merged_into, merged_at FROM sku WHERE sku = ANY(CAST(:skus AS text[])) ORDER BY sku FOR KEY SHARE"
)
_MERGE = text(
    """
    UPDATE sku SET merged_into = :into, merged_at = coalesce(merged_at, :now), version = version + 1, updated_at = :now
    WHERE sku = :sku OR merged_into = :sku RETURNING sku
    """
)
_UNKNOWN_SUPPLIERS = text(
    "SELECT k FROM unnest(CAST(:keys AS text[])) k"
    " WHERE NOT EXISTS (SELECT FROM supplier WHERE supplier.supplier_id = k)"
)
_TERMS = text("SELECT location_id, priority, active FROM location WHERE location_id = ANY(CAST(:ids AS text[]))")

_LOCK_SKUS = text(
    "SELECT sku, name, category, lead_time_days, mode, backorder_cap, release_date, merged_into, version"
    " FROM sku WHERE sku = ANY(CAST(:skus AS text[])) ORDER BY sku FOR UPDATE"
)
LOCATION = "location_id, name, priority, active, time_zone, cut_off, handling_days, working_days, holidays, version"
"""Columns of ``versioned_location``."""
_LOCK_LOCATION = text(f"SELECT {LOCATION} FROM location WHERE location_id = :id FOR UPDATE")
_LOCK_SUPPLIER = text("SELECT version FROM supplier WHERE supplier_id = :id FOR UPDATE")

_SKU: Columns = (
    ("sku", "text"),
    ("name", "text"),
    ("category", "text"),
    ("lead_time_days", "integer"),
    ("mode", "text"),
    ("backorder_cap", "integer"),
    ("release_date", "date"),
)
# A row that has these values already is neither updated nor returned, and keeps its version.
_PUT_SKUS = text(
    f"""
    INSERT INTO sku AS known ({names(_SKU)}, created_at, updated_at)
    SELECT {names(_SKU)}, :now, :now FROM {unnest(_SKU, "new")}
    ORDER BY sku COLLATE "C"
    ON CONFLICT (sku) DO UPDATE
    SET {assignments(_SKU[1:], "excluded")}, version = known.version + 1, updated_at = excluded.updated_at
    WHERE (known.name, known.category, known.lead_time_days, known.mode, known.backorder_cap, known.release_date)
          IS DISTINCT FROM (excluded.name, excluded.category, excluded.lead_time_days, excluded.mode,
                            excluded.backorder_cap, excluded.release_date)
    RETURNING sku, version
    """
)
_SKU_VERSIONS = text("SELECT sku, version FROM sku WHERE sku = ANY(CAST(:skus AS text[]))")
_LOCATION_VERSION = text("SELECT version FROM location WHERE location_id = :id")
_SUPPLIER_VERSION = text("SELECT version FROM supplier WHERE supplier_id = :id")
_PUT_LOCATION = text(
    """
    INSERT INTO location AS known (location_id, name, priority, active, time_zone, cut_off, handling_days,
                                   working_days, holidays, created_at, updated_at)
    VALUES (:id, :name, :priority, :active, :time_zone, :cut_off, :handling_days, :working_days, :holidays, :now, :now)
    ON CONFLICT (location_id) DO UPDATE
    SET name = excluded.name, priority = excluded.priority, active = excluded.active, time_zone = excluded.time_zone,
        cut_off = excluded.cut_off, handling_days = excluded.handling_days, working_days = excluded.working_days,
        holidays = excluded.holidays, version = known.version + 1, updated_at = :now
    WHERE (known.name, known.priority, known.active, known.time_zone, known.cut_off, known.handling_days,
           known.working_days, known.holidays)
          IS DISTINCT FROM (excluded.name, excluded.priority, excluded.active, excluded.time_zone, excluded.cut_off,
                            excluded.handling_days, excluded.working_days, excluded.holidays)
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


class SqlCatalogue:
    """Implements ``Catalogue``."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def unusable_skus(self, skus: Collection[str]) -> dict[str, str | None]:
        """See Catalogue."""
        rows = await self._connection.execute(_NAMES, {"skus": list(skus)})
        known: dict[str, str | None] = {row.sku: row.merged_into for row in rows}
        return {sku: known.get(sku) for sku in skus if sku not in known or known[sku] is not None}

    async def merged_names(self, skus: Collection[str]) -> dict[str, MergedName]:
        """See Catalogue."""
        rows = await self._connection.execute(_NAMES, {"skus": list(skus)})
        return {row.sku: MergedName(row.merged_into, row.merged_at) for row in rows if row.merged_into is not None}

    async def merge(self, sku: str, into: str) -> set[str]:
        """See Catalogue."""
        rows = await self._connection.execute(_MERGE, {"sku": sku, "into": into, "now": self._now})
        return {row.sku for row in rows}

    async def unknown_suppliers(self, supplier_ids: Collection[str]) -> set[str]:
        """See Catalogue."""
        return await self._unknown(_UNKNOWN_SUPPLIERS, supplier_ids)

    async def location_terms(self, location_ids: Collection[str]) -> dict[str, LocationTerms]:
        """See Catalogue."""
        rows = await self._connection.execute(_TERMS, {"ids": list(location_ids)})
        return {row.location_id: LocationTerms(row.priority, row.active) for row in rows}

    async def lock_skus(self, skus: Collection[str]) -> dict[str, Versioned[Sku]]:
        """See Catalogue."""
        rows = await self._connection.execute(_LOCK_SKUS, {"skus": list(skus)})
        return {row.sku: _stored_sku(row) for row in rows}

    async def lock_location(self, location_id: str) -> Versioned[Location] | None:
        """See Catalogue."""
        row = (await self._connection.execute(_LOCK_LOCATION, {"id": location_id})).one_or_none()
        return None if row is None else versioned_location(row)

    async def lock_supplier(self, supplier_id: str) -> int | None:
        """See Catalogue."""
        version: int | None = (await self._connection.execute(_LOCK_SUPPLIER, {"id": supplier_id})).scalar_one_or_none()
        return version

    async def put_skus(self, skus: Sequence[Sku]) -> dict[str, StoredVersion]:
        """See Catalogue."""
        values = arrays(_SKU, (_sku_row(sku) for sku in skus))
        rows = await self._connection.execute(_PUT_SKUS, {**values, "now": self._now})
        stored = {row.sku: _written(row.version) for row in rows}
        same = [sku.sku for sku in skus if sku.sku not in stored]
        if same:
            for row in await self._connection.execute(_SKU_VERSIONS, {"skus": same}):
                stored[row.sku] = StoredVersion(row.version, created=False, changed=False)
        return stored

    async def put_location(self, location: Location) -> StoredVersion:
        """See Catalogue."""
        calendar = location.calendar
        values = {
            "id": location.location_id,
            "name": location.name,
            "priority": location.priority,
            "active": location.active,
            "time_zone": calendar.time_zone,
            "cut_off": calendar.cut_off,
            "handling_days": calendar.handling_days,
            "working_days": [day.value for day in calendar.working_days],
            "holidays": list(calendar.holidays),
        }
        return await self._put(_PUT_LOCATION, _LOCATION_VERSION, values)

    async def put_supplier(self, supplier: Supplier) -> StoredVersion:
        """See Catalogue."""
        return await self._put(_PUT_SUPPLIER, _SUPPLIER_VERSION, {"id": supplier.supplier_id, "name": supplier.name})

    async def _unknown(self, statement: TextClause, keys: Collection[str]) -> set[str]:
        return {row.k for row in await self._connection.execute(statement, {"keys": list(keys)})}

    async def _put(self, put: TextClause, version: TextClause, values: Mapping[str, object]) -> StoredVersion:
        written = (await self._connection.execute(put, {**values, "now": self._now})).scalar_one_or_none()
        if written is not None:
            return _written(written)
        current = (await self._connection.execute(version, {"id": values["id"]})).scalar_one()
        return StoredVersion(current, created=False, changed=False)


def versioned_location(row: Row[Any]) -> Versioned[Location]:
    """The location of a row of its table."""
    calendar = HandlingCalendar(
        row.time_zone, row.cut_off, row.handling_days, tuple(map(Weekday, row.working_days)), tuple(row.holidays)
    )
    return Versioned(Location(row.location_id, row.name, row.priority, row.active, calendar), row.version)


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


def _stored_sku(row: Row[Any]) -> Versioned[Sku]:
    policy = SellingPolicy(Mode(row.mode), row.backorder_cap, row.release_date)
    return Versioned(Sku(row.sku, row.name, row.category, row.lead_time_days, policy, row.merged_into), row.version)


def _written(version: int) -> StoredVersion:
    return StoredVersion(version, created=version == 1, changed=True)
