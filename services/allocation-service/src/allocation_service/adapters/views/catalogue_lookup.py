"""Which SKUs and categories inventory has told of."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_UNKNOWN_SKUS = text(
    "SELECT asked.sku FROM unnest(CAST(:skus AS text[])) AS asked (sku)"
    " WHERE NOT EXISTS (SELECT FROM sku AS s WHERE s.sku = asked.sku AND s.known) ORDER BY asked.sku"
)
_KNOWN_CATEGORY = text("SELECT EXISTS (SELECT FROM sku WHERE category = :category AND known)")


async def unknown_skus(conn: AsyncConnection, skus: Collection[str]) -> list[str]:
    """Those of these SKUs that inventory has not told of (yet), in order."""
    if not skus:
        return []
    return list((await conn.execute(_UNKNOWN_SKUS, {"skus": sorted(set(skus))})).scalars())


async def is_category_known(conn: AsyncConnection, category: str) -> bool:
    """Whether a SKU of this category has been told of."""
    found: bool = (await conn.execute(_KNOWN_CATEGORY, {"category": category})).scalar_one()
    return found
