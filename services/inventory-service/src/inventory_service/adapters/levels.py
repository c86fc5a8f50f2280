"""Stock levels and their ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text

from inventory_service.adapters.transaction import SqlTransaction
from inventory_service.application.ports import CountAt
from inventory_service.domain.stock import EntryKind, LaterMovements, LevelKey, StockLevel

# Missing rows first, then the locks, both in the order of the keys: no two transactions can wait for each other.
_MAKE_MISSING = text(
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
# A lateral for each count: an index range of its SKU's entries after the moment, usually a handful.
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
        values = {"skus": [key.sku for key in keys], "locations": [key.location_id for key in keys]}
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
        values = {
            "skus": [level.key.sku for level in levels],
            "locations": [level.key.location_id for level in levels],
            "on_hand": [level.on_hand for level in levels],
            "shipped": [level.shipped for level in levels],
            "versions": [level.version for level in levels],
            "counted": [level.counted_at for level in levels],
        }
        await self._conn.execute(_SAVE, {**values, "now": recorded_at})
        entries = [entry for level in levels for entry in level.entries]
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
        await self._conn.execute(_APPEND, {**columns, "now": recorded_at})

    async def later_movements(self, counts: Sequence[CountAt]) -> list[LaterMovements]:
        """See Stock."""
        values = {
            "skus": [count.key.sku for count in counts],
            "locations": [count.key.location_id for count in counts],
            "moments": [count.counted_at for count in counts],
            "guessed": _GUESSED,
        }
        return [LaterMovements(row.total, row.lowest) for row in await self._conn.execute(_LATER, values)]
