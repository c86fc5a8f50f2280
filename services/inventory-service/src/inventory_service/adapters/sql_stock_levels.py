"""Stock levels and their append-only ledger on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.domain.stock_level import CountAt, EntryKind, LaterMovements, LedgerEntry, LevelKey, StockLevel

# Missing rows are created first, then all are locked, both in the order of the keys, so that no two transactions can
# wait for each other.
_CREATE_MISSING = text(
    """
    INSERT INTO stock_level (sku, location_id, on_hand, shipped, version, updated_at)
    SELECT sku, location_id, 0, 0, 0, now()
    FROM unnest(CAST(:skus AS text[]), CAST(:locations AS text[])) AS key (sku, location_id)
    WHERE NOT EXISTS (
        SELECT FROM stock_level level WHERE level.sku = key.sku AND level.location_id = key.location_id
    )
    ORDER BY sku COLLATE "C", location_id COLLATE "C"
    ON CONFLICT DO NOTHING
    """
)
_LOCK = text(
    """
    SELECT level.sku, level.location_id, on_hand, shipped, version, counted_at
    FROM stock_level level
    JOIN unnest(CAST(:skus AS text[]), CAST(:locations AS text[])) AS key (sku, location_id)
      ON level.sku = key.sku AND level.location_id = key.location_id
    ORDER BY level.sku, level.location_id
    FOR UPDATE OF level
    """
)
_SAVE = text(
    """
    UPDATE stock_level level
    SET on_hand = new.on_hand, shipped = new.shipped, version = new.version, counted_at = new.counted_at,
        updated_at = :now
    FROM unnest(CAST(:skus AS text[]), CAST(:locations AS text[]), CAST(:on_hand AS bigint[]),
                CAST(:shipped AS bigint[]), CAST(:versions AS bigint[]), CAST(:counted AS timestamptz[]))
         AS new (sku, location_id, on_hand, shipped, version, counted_at)
    WHERE level.sku = new.sku AND level.location_id = new.location_id
    """
)
_APPEND = text(
    """
    INSERT INTO ledger_entry (sku, location_id, kind, on_hand_delta, shipped_delta, on_hand_after, shipped_after,
                              level_version, occurred_at, recorded_at, document_id, line_id, reason)
    SELECT sku, location_id, kind, on_hand_delta, shipped_delta, on_hand_after, shipped_after,
           version, occurred_at, :now, document_id, line_id, reason
    FROM unnest(CAST(:skus AS text[]), CAST(:locations AS text[]), CAST(:kinds AS text[]),
                CAST(:on_hand AS bigint[]), CAST(:shipped AS bigint[]),
                CAST(:on_hand_after AS bigint[]), CAST(:shipped_after AS bigint[]),
                CAST(:versions AS bigint[]), CAST(:occurred AS timestamptz[]),
                CAST(:documents AS text[]), CAST(:lines AS text[]), CAST(:reasons AS text[]))
         WITH ORDINALITY
         AS new (sku, location_id, kind, on_hand_delta, shipped_delta, on_hand_after, shipped_after,
                 version, occurred_at, document_id, line_id, reason, position)
    ORDER BY position
    """
)
# One lateral subquery for each count: it reads the index range of the SKU's entries after that moment, usually few.
_LATER = text(
    """
    SELECT coalesce(total, 0) AS total, coalesce(least(lowest, 0), 0) AS lowest
    FROM unnest(CAST(:skus AS text[]), CAST(:locations AS text[]), CAST(:moments AS timestamptz[]))
         WITH ORDINALITY AS count (sku, location_id, moment, position)
    CROSS JOIN LATERAL (
        SELECT sum(delta)::bigint AS total, min(running)::bigint AS lowest
        FROM (
            SELECT on_hand_delta AS delta, sum(on_hand_delta) OVER (ORDER BY occurred_at, entry_id) AS running
            FROM ledger_entry entry
            WHERE entry.sku = count.sku AND entry.location_id = count.location_id
              AND entry.occurred_at > count.moment AND entry.kind <> ALL (CAST(:derived AS text[]))
        ) movement
    ) later
    ORDER BY position
    """
)
_RAISE_VERSIONS = text(
    """
    WITH locked AS (
        SELECT sku, location_id FROM stock_level WHERE location_id = :id ORDER BY sku, location_id FOR UPDATE
    )
    UPDATE stock_level level SET version = version + 1, updated_at = :now
    FROM locked WHERE level.sku = locked.sku AND level.location_id = locked.location_id
    RETURNING level.sku, level.location_id, on_hand, shipped, version, counted_at
    """
)
_DERIVED = [EntryKind.FOUND.value, EntryKind.COUNT.value]
"""Entries that say what the level was thought to be, and not that units moved."""


class SqlStockLevels:
    """Implements ``StockLevels``."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def lock(self, keys: Collection[LevelKey]) -> dict[LevelKey, StockLevel]:
        """See StockLevels."""
        if not keys:
            return {}
        values = {"skus": [key.sku for key in keys], "locations": [key.location_id for key in keys]}
        await self._connection.execute(_CREATE_MISSING, values)
        levels = (_level(row) for row in await self._connection.execute(_LOCK, values))
        return {level.key: level for level in levels}

    async def save(self, levels: Collection[StockLevel]) -> None:
        """See StockLevels."""
        if not levels:
            return
        values = {
            "skus": [level.key.sku for level in levels],
            "locations": [level.key.location_id for level in levels],
            "on_hand": [level.on_hand for level in levels],
            "shipped": [level.shipped for level in levels],
            "versions": [level.version for level in levels],
            "counted": [level.counted_at for level in levels],
        }
        await self._connection.execute(_SAVE, {**values, "now": self._now})
        await self._append([entry for level in levels for entry in level.entries])

    async def later_movements(self, counts: Sequence[CountAt]) -> list[LaterMovements]:
        """See StockLevels."""
        values = {
            "skus": [count.key.sku for count in counts],
            "locations": [count.key.location_id for count in counts],
            "moments": [count.counted_at for count in counts],
            "derived": _DERIVED,
        }
        return [LaterMovements(row.total, row.lowest) for row in await self._connection.execute(_LATER, values)]

    async def raise_versions_at(self, location_id: str) -> list[StockLevel]:
        """See StockLevels."""
        rows = await self._connection.execute(_RAISE_VERSIONS, {"id": location_id, "now": self._now})
        return [_level(row) for row in rows]

    async def _append(self, entries: Sequence[LedgerEntry]) -> None:
        columns = {
            "skus": [entry.key.sku for entry in entries],
            "locations": [entry.key.location_id for entry in entries],
            "kinds": [entry.kind.value for entry in entries],
            "on_hand": [entry.on_hand_delta for entry in entries],
            "shipped": [entry.shipped_delta for entry in entries],
            "on_hand_after": [entry.on_hand_after for entry in entries],
            "shipped_after": [entry.shipped_after for entry in entries],
            "versions": [entry.version for entry in entries],
            "occurred": [entry.occurred_at for entry in entries],
            "documents": [entry.source.document_id for entry in entries],
            "lines": [entry.source.line_id for entry in entries],
            "reasons": [entry.source.reason for entry in entries],
        }
        await self._connection.execute(_APPEND, {**columns, "now": self._now})


def _level(row: Row[Any]) -> StockLevel:
    return StockLevel(LevelKey(row.sku, row.location_id), row.on_hand, row.shipped, row.version, row.counted_at)
