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


class SqlCatalogueLookup:
    """Implements CatalogueLookup on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def unknown_skus(self, skus: Collection[str]) -> list[str]:
        """See CatalogueLookup."""
        if not skus:
            return []
        return list((await self._conn.execute(_UNKNOWN_SKUS, {"skus": sorted(set(skus))})).scalars())

    async def is_category_known(self, category: str) -> bool:
        """See CatalogueLookup."""
        found: bool = (await self._conn.execute(_KNOWN_CATEGORY, {"category": category})).scalar_one()
        return found
