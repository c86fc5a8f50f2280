"""Storage of what inventory announces about SKUs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import SkuPolicy
from service_kit.persistence.bulk import Columns, arrays, unnest
from service_kit.persistence.database import DirectConnection
from service_kit.persistence.statements import Statement

_RELEASE_DATES = text(
    """
    SELECT asked.sku, now.release_at
    FROM sku asked JOIN sku now ON now.sku = coalesce(asked.merged_into, asked.sku)
    WHERE asked.sku = ANY(CAST(:skus AS text[])) AND now.mode = 'preorder' AND now.release_at IS NOT NULL
    """
)
# The newest name of all: whatever a later merge said of it is known, if that came first.
_SAVE_MERGE = text(
    """
    INSERT INTO sku AS s (sku, version, mode, merged_into)
    SELECT name, -1, 'discontinued',
           coalesce((SELECT merged_into FROM sku WHERE sku = CAST(:sku AS text)), CAST(:sku AS text))
    FROM unnest(CAST(:merged AS text[])) AS name ORDER BY name COLLATE "C"
    ON CONFLICT (sku) DO UPDATE SET merged_into = excluded.merged_into
    """
)
_FOLLOW_MERGE = text(
    """
    UPDATE sku SET merged_into = coalesce((SELECT merged_into FROM sku WHERE sku = CAST(:sku AS text)), :sku)
    WHERE merged_into = ANY(CAST(:merged AS text[]))
    """
)

_POLICY_COLUMNS: Columns = (("sku", "text"), ("version", "bigint"), ("mode", "text"), ("release_at", "timestamptz"))
_SAVE_POLICIES = Statement(
    f"""
    INSERT INTO sku AS s (sku, version, mode, release_at)
    SELECT * FROM {unnest(_POLICY_COLUMNS, "n")}
    ON CONFLICT (sku) DO UPDATE
    SET version = excluded.version, mode = excluded.mode, release_at = excluded.release_at
    WHERE s.version < excluded.version
    """
)

_KNOWN = Statement("SELECT sku FROM sku WHERE sku = ANY(CAST(:skus AS text[]))")


class SqlSkuStore:
    """`SkuStore` on PostgreSQL."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def unknown(self, skus: Collection[str]) -> set[str]:
        """See SkuCatalogue."""
        rows = await _KNOWN.within(self._conn, {"skus": sorted(set(skus))})
        return set(skus) - {sku for (sku,) in rows}

    async def release_dates(self, skus: Collection[str]) -> dict[str, datetime]:
        """See SkuStore."""
        rows = await self._conn.execute(_RELEASE_DATES, {"skus": list(skus)})
        return {row.sku: row.release_at for row in rows}

    async def save_merge(self, sku: str, merged: Collection[str]) -> None:
        """See SkuStore."""
        values = {"sku": sku, "merged": sorted(merged)}
        await self._conn.execute(_SAVE_MERGE, values)
        await self._conn.execute(_FOLLOW_MERGE, values)

    async def save_policies(self, policies: Sequence[SkuPolicy]) -> None:
        """See SkuStore."""
        rows = [(policy.sku, policy.version, policy.mode.value, policy.release_at) for policy in policies]
        await _SAVE_POLICIES.within(self._conn, arrays(_POLICY_COLUMNS, rows))


class KnownSkus:
    """The SKUs that this process has found in the database. None ever goes away, so these need no look-up again."""

    def __init__(self) -> None:
        self.names: set[str] = set()


class SqlSkuCatalogue:
    """`SkuCatalogue` on PostgreSQL; asks the database only for SKUs that the process has not met yet."""

    def __init__(self, conn: DirectConnection, known: KnownSkus) -> None:
        self._conn = conn
        self._known = known

    async def unknown(self, skus: Collection[str]) -> set[str]:
        """See SkuCatalogue."""
        unmet = set(skus) - self._known.names
        if not unmet:
            return set()
        found = {sku for (sku,) in await _KNOWN.rows(self._conn.driver, {"skus": sorted(unmet)})}
        self._known.names |= found
        return unmet - found
