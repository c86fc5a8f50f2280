"""Stock levels and their ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text

from inventory_service.adapters.transaction import SqlTransaction
from inventory_service.application.ports import CountAt
from inventory_service.domain.stock import EntryKind, LaterMovements, LevelKey, StockLevel
from service_kit.persistence.bulk import Columns, arrays, assignments, names, unnest

_KEY: Columns = (("sku", "text"), ("location_id", "text"))

# Missing rows first, then the locks, both in the order of the keys: no two transactions can wait for each other.
_MAKE_MISSING = text(
    f"""
    INSERT INTO stock_level (sku, location_id, on_hand, shipped, version, updated_at)
    SELECT sku, location_id, 0, 0, 0, now()
    FROM {unnest(_KEY, "key")}
    WHERE NOT EXISTS (
        SELECT FROM stock_level level WHERE level.sku = key.sku AND level.location_id = key.location_id
    )
    ORDER BY sku COLLATE "C", location_id COLLATE "C"
    ON CONFLICT DO NOTHING
    """
)
_LOCK = text(
    f"""
    SELECT level.sku, level.location_id, on_hand, shipped, version, counted_at
    FROM stock_level level
    JOIN {unnest(_KEY, "key")}
      ON level.sku = key.sku AND level.location_id = key.location_id
    ORDER BY level.sku, level.location_id
    FOR UPDATE OF level
    """
)
_LEVEL_COLUMNS: Columns = (
    *_KEY,
    ("on_hand", "bigint"),
    ("shipped", "bigint"),
    ("version", "bigint"),
    ("counted_at", "timestamptz"),
)
_SAVE = text(
    f"""
    UPDATE stock_level level SET {assignments(_LEVEL_COLUMNS[2:], "new")}, updated_at = :now
    FROM {unnest(_LEVEL_COLUMNS, "new")}
    WHERE level.sku = new.sku AND level.location_id = new.location_id
    """
)
_ENTRY_COLUMNS: Columns = (
    *_KEY,
    ("kind", "text"),
    ("on_hand_delta", "bigint"),
    ("shipped_delta", "bigint"),
    ("on_hand_after", "bigint"),
    ("shipped_after", "bigint"),
    ("level_version", "bigint"),
    ("occurred_at", "timestamptz"),
    ("document_id", "text"),
    ("line_id", "text"),
    ("reason", "text"),
)
_APPEND = text(
    f"""
    INSERT INTO ledger_entry ({names(_ENTRY_COLUMNS)}, recorded_at)
    SELECT {names(_ENTRY_COLUMNS)}, :now
    FROM {unnest(_ENTRY_COLUMNS, "new", position=True)}
    ORDER BY position
    """
)
# A lateral for each count: an index range of its SKU's entries after the moment, usually a handful.
_COUNT_COLUMNS: Columns = (*_KEY, ("moment", "timestamptz"))
_LATER = text(
    f"""
    SELECT coalesce(total, 0) AS total, coalesce(least(lowest, 0), 0) AS lowest
    FROM {unnest(_COUNT_COLUMNS, "count", position=True)}
    CROSS JOIN LATERAL (
        SELECT sum(delta)::bigint AS total, min(running)::bigint AS lowest
        FROM (
            SELECT on_hand_delta AS delta, sum(on_hand_delta) OVER (ORDER BY occurred_at, entry_id) AS running
            FROM ledger_entry entry
            WHERE entry.sku = count.sku AND entry.location_id = count.location_id
              AND entry.occurred_at > count.moment AND entry.kind <> ALL (CAST(:guessed AS text[]))
        ) movement
    ) later
    ORDER BY position
    """
)
_GUESSED = [EntryKind.FOUND.value, EntryKind.COUNT.value]


class SqlLevels(SqlTransaction):
    """Locks, reads and stores levels; appends their entries."""

    async def lock_levels(self, keys: Collection[LevelKey]) -> dict[LevelKey, StockLevel]:
        """See Stock."""
        if not keys:
            return {}
        values = arrays(_KEY, ((key.sku, key.location_id) for key in keys))
        await self._conn.execute(_MAKE_MISSING, values)
        levels = {}
        for row in await self._conn.execute(_LOCK, values):
            key = LevelKey(row.sku, row.location_id)
            levels[key] = StockLevel(key, row.on_hand, row.shipped, row.version, row.counted_at)
        return levels

    async def save_levels(self, levels: Collection[StockLevel], recorded_at: datetime) -> None:
        """See Stock."""
        if not levels:
            return
        rows = (
            (level.key.sku, level.key.location_id, level.on_hand, level.shipped, level.version, level.counted_at)
            for level in levels
        )
        await self._conn.execute(_SAVE, {**arrays(_LEVEL_COLUMNS, rows), "now": recorded_at})
        entries = (
            (
                entry.key.sku,
                entry.key.location_id,
                entry.kind.value,
                entry.on_hand_delta,
                entry.shipped_delta,
                entry.on_hand_after,
                entry.shipped_after,
                entry.version,
                entry.occurred_at,
                entry.source.document_id,
                entry.source.line_id,
                entry.source.reason,
            )
            for level in levels
            for entry in level.entries
        )
        await self._conn.execute(_APPEND, {**arrays(_ENTRY_COLUMNS, entries), "now": recorded_at})

    async def later_movements(self, counts: Sequence[CountAt]) -> list[LaterMovements]:
        """See Stock."""
        asked = arrays(_COUNT_COLUMNS, ((count.key.sku, count.key.location_id, count.counted_at) for count in counts))
        rows = await self._conn.execute(_LATER, {**asked, "guessed": _GUESSED})
        return [LaterMovements(row.total, row.lowest) for row in rows]
