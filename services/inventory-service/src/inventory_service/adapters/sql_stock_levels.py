"""Stock levels and their append-only ledger on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.domain.customer_orders import ShipmentLine, ShipmentLineId
from inventory_service.domain.stock_level import (
    BookedShipment,
    CountAt,
    EntryKind,
    LaterMovements,
    LedgerEntry,
    LevelKey,
    StockLevel,
)
from service_kit.persistence.bulk import Columns, arrays, assignments, names, unnest
from service_kit.runtime.believed_time import MOST_AHEAD, believed

_KEY: Columns = (("sku", "text"), ("location_id", "text"))

# Missing rows are created first, then all are locked, both in the order of the keys, so that no two transactions can
# wait for each other.
_CREATE_MISSING = text(
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
    SELECT level.sku, level.location_id, on_hand, shipped, version, counted_at, updated_at, voided, merged
    FROM stock_level level
    JOIN {unnest(_KEY, "key")}
      ON level.sku = key.sku AND level.location_id = key.location_id
    ORDER BY level.sku, level.location_id
    FOR UPDATE OF level
    """
)
_LOCATIONS = text("SELECT DISTINCT location_id FROM stock_level WHERE sku = ANY(CAST(:skus AS text[]))")
_LEVEL: Columns = (
    *_KEY,
    ("on_hand", "bigint"),
    ("shipped", "bigint"),
    ("version", "bigint"),
    ("counted_at", "timestamptz"),
    ("voided", "bigint"),
    ("merged", "boolean"),
)
_SAVE = text(
    f"""
    UPDATE stock_level level SET {assignments(_LEVEL[2:], "new")}, updated_at = :now
    FROM {unnest(_LEVEL, "new")}
    WHERE level.sku = new.sku AND level.location_id = new.location_id
    """
)
_ENTRY: Columns = (
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
    INSERT INTO ledger_entry ({names(_ENTRY)}, recorded_at)
    SELECT {names(_ENTRY)}, :now FROM {unnest(_ENTRY, "new", position=True)}
    ORDER BY position
    """
)
# One lateral subquery for each count: it reads the index range of the SKU's entries after that moment, usually few.
# What was recorded before the moment happened before it, whatever time it states.
_COUNT: Columns = (*_KEY, ("moment", "timestamptz"))
_LATER = text(
    f"""
    SELECT coalesce(total, 0) AS total, coalesce(least(lowest, 0), 0) AS lowest
    FROM {unnest(_COUNT, "count", position=True)}
    CROSS JOIN LATERAL (
        SELECT sum(delta)::bigint AS total, min(running)::bigint AS lowest
        FROM (
            SELECT on_hand_delta AS delta, sum(on_hand_delta) OVER (ORDER BY occurred_at, entry_id) AS running
            FROM ledger_entry entry
            WHERE entry.sku = count.sku AND entry.location_id = count.location_id
              AND entry.occurred_at > count.moment AND entry.recorded_at > count.moment
              AND entry.kind <> ALL (CAST(:derived AS text[]))
        ) movement
    ) later
    ORDER BY position
    """
)
_RAISE_VERSIONS = text(
    """
    WITH locked AS (
        SELECT sku, location_id FROM stock_level WHERE location_id = :id AND NOT merged
        ORDER BY sku, location_id FOR UPDATE
    )
    UPDATE stock_level level SET version = version + 1, updated_at = :now
    FROM locked WHERE level.sku = locked.sku AND level.location_id = locked.location_id
    RETURNING level.sku, level.location_id, on_hand, shipped, version, counted_at, level.updated_at, voided, merged
    """
)
_SHIPPED: Columns = (*_KEY, ("shipment_id", "text"), ("line_id", "text"), ("moment", "timestamptz"))
# A shipment that the order service dated by its own clock was booked by this one's, which differs by ``most`` at most.
_BOOKED_SHIPMENTS = text(
    f"""
    SELECT line.shipment_id, line.line_id, min(entry.occurred_at) FILTER (WHERE entry.kind = 'shipment') AS shipped_at,
           coalesce(sum(entry.on_hand_delta) FILTER (WHERE entry.kind = 'found' AND NOT EXISTS (
               SELECT FROM ledger_entry count
               WHERE count.sku = entry.sku AND count.location_id = entry.location_id AND count.kind = 'count'
                 AND count.entry_id > entry.entry_id
           )), 0)::bigint AS found
    FROM {unnest(_SHIPPED, "line")}
    JOIN ledger_entry entry ON entry.location_id = line.location_id
     AND entry.sku = ANY (ARRAY(SELECT line.sku UNION ALL SELECT sku FROM sku WHERE merged_into = line.sku))
     AND entry.occurred_at BETWEEN line.moment - CAST(:most AS interval) AND line.moment + CAST(:most AS interval)
     AND entry.document_id = line.shipment_id AND entry.line_id = line.line_id
    GROUP BY line.shipment_id, line.line_id
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
        values = arrays(_KEY, ((key.sku, key.location_id) for key in keys))
        await self._connection.execute(_CREATE_MISSING, values)
        levels = (_level(row) for row in await self._connection.execute(_LOCK, values))
        return {level.key: level for level in levels}

    async def lock_of_skus(self, skus: Collection[str]) -> dict[LevelKey, StockLevel]:
        """See StockLevels."""
        places = [row.location_id for row in await self._connection.execute(_LOCATIONS, {"skus": list(skus)})]
        return await self.lock([LevelKey(sku, place) for sku in skus for place in places])

    async def save(self, levels: Collection[StockLevel]) -> None:
        """See StockLevels."""
        if not levels:
            return
        rows = (_level_row(level) for level in levels)
        await self._connection.execute(_SAVE, {**arrays(_LEVEL, rows), "now": self._now})
        await self._append([entry for level in levels for entry in level.entries])

    async def booked_shipments(self, lines: Collection[ShipmentLine]) -> dict[ShipmentLineId, BookedShipment]:
        """See StockLevels."""
        rows = ((one.key.sku, one.key.location_id, one.shipment_id, one.line_id, one.shipped_at) for one in lines)
        booked = await self._connection.execute(_BOOKED_SHIPMENTS, {**arrays(_SHIPPED, rows), "most": MOST_AHEAD})
        return {(row.shipment_id, row.line_id): BookedShipment(row.shipped_at, row.found) for row in booked}

    async def later_movements(self, counts: Sequence[CountAt]) -> list[LaterMovements]:
        """See StockLevels."""
        asked = arrays(_COUNT, ((count.key.sku, count.key.location_id, count.counted_at) for count in counts))
        rows = await self._connection.execute(_LATER, {**asked, "derived": _DERIVED})
        return [LaterMovements(row.total, row.lowest) for row in rows]

    async def raise_versions_at(self, location_id: str) -> list[StockLevel]:
        """See StockLevels."""
        rows = await self._connection.execute(_RAISE_VERSIONS, {"id": location_id, "now": self._now})
        return [_level(row) for row in rows]

    async def _append(self, entries: Sequence[LedgerEntry]) -> None:
        rows = (
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
            for entry in entries
        )
        await self._connection.execute(_APPEND, {**arrays(_ENTRY, rows), "now": self._now})


def _level(row: Row[Any]) -> StockLevel:
    # An older version stored counts of the future as they were stated: until then nothing else would have counted.
    counted_at = None if row.counted_at is None else believed(row.counted_at, row.updated_at)
    key = LevelKey(row.sku, row.location_id)
    return StockLevel(key, row.on_hand, row.shipped, row.version, counted_at, row.voided, row.merged)


def _level_row(level: StockLevel) -> tuple[object, ...]:
    key = level.key
    return (
        key.sku,
        key.location_id,
        level.on_hand,
        level.shipped,
        level.version,
        level.counted_at,
        level.voided,
        level.merged,
    )
