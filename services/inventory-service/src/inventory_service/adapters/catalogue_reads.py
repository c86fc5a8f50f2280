"""Questions about SKUs, locations and suppliers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.domain.catalogue import Location, Mode, SellingPolicy, Sku, Supplier


class Versioned(NamedTuple):
    """A row of the catalogue and its version."""

    row: Any
    version: int


_SKU_COLUMNS = "sku, name, category, lead_time_days, mode, backorder_cap, release_date, version"


async def sku_named(conn: AsyncConnection, sku: str) -> Versioned | None:
    """The SKU, or None."""
    found = (await conn.execute(text(f"SELECT {_SKU_COLUMNS} FROM sku WHERE sku = :sku"), {"sku": sku})).one_or_none()
    return None if found is None else _sku(found)


async def list_skus(
    conn: AsyncConnection, *, category: str | None, after: str | None, limit: int
) -> Sequence[Versioned]:
    """SKUs in the order of their names, at most ``limit``, behind ``after``."""
    where = ["sku > :after"] if after is not None else []
    if category is not None:
        where.append("category = :category")
    statement = f"SELECT {_SKU_COLUMNS} FROM sku {_where(where)} ORDER BY sku LIMIT :limit"
    values = {"after": after, "category": category, "limit": limit}
    return [_sku(row) for row in await conn.execute(text(statement), values)]


async def location_named(conn: AsyncConnection, location_id: str) -> Versioned | None:
    """The location, or None."""
    statement = text("SELECT location_id, name, priority, version FROM location WHERE location_id = :id")
    found = (await conn.execute(statement, {"id": location_id})).one_or_none()
    return None if found is None else _location(found)


async def list_locations(conn: AsyncConnection, *, after: str | None, limit: int) -> Sequence[Versioned]:
    """Locations in the order of their ids."""
    where = _where(["location_id > :after"] if after is not None else [])
    statement = f"SELECT location_id, name, priority, version FROM location {where} ORDER BY location_id LIMIT :limit"
    return [_location(row) for row in await conn.execute(text(statement), {"after": after, "limit": limit})]


async def supplier_named(conn: AsyncConnection, supplier_id: str) -> Versioned | None:
    """The supplier, or None."""
    statement = text("SELECT supplier_id, name, version FROM supplier WHERE supplier_id = :id")
    found = (await conn.execute(statement, {"id": supplier_id})).one_or_none()
    return None if found is None else _supplier(found)


async def list_suppliers(conn: AsyncConnection, *, after: str | None, limit: int) -> Sequence[Versioned]:
    """Suppliers in the order of their ids."""
    where = _where(["supplier_id > :after"] if after is not None else [])
    statement = f"SELECT supplier_id, name, version FROM supplier {where} ORDER BY supplier_id LIMIT :limit"
    return [_supplier(row) for row in await conn.execute(text(statement), {"after": after, "limit": limit})]


def _where(conditions: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _sku(row: Row[Any]) -> Versioned:
    policy = SellingPolicy(Mode(row.mode), row.backorder_cap, row.release_date)
    return Versioned(Sku(row.sku, row.name, row.category, row.lead_time_days, policy), row.version)


def _location(row: Row[Any]) -> Versioned:
    return Versioned(Location(row.location_id, row.name, row.priority), row.version)


def _supplier(row: Row[Any]) -> Versioned:
    return Versioned(Supplier(row.supplier_id, row.name), row.version)
