"""What policies went by makes way once no decision asks for it any more, in small steps.

A step locks no row that a decision works on: such a row is left to a later round.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.maintenance.maintenance_records import InputRetentionStep

_SKUS = text("SELECT sku FROM sku WHERE sku > :after ORDER BY sku LIMIT :limit")
# By each SKU's own time, as its demand is read: it only ever runs on.
_DEMAND = text(
    """
    DELETE FROM demand_day WHERE ctid = ANY(ARRAY(
        SELECT d.ctid FROM sku AS s JOIN demand_day AS d
            ON d.sku = s.sku AND d.day < CAST(s.last_now AT TIME ZONE 'UTC' AS date) - CAST(:days AS int)
        WHERE s.sku = ANY(CAST(:skus AS text[])) LIMIT :limit FOR UPDATE OF d SKIP LOCKED
    ))
    """
)
# Of lines that are not closed, dates are still needed when goods come or another date is announced.
_DELIVERIES = text(
    """
    DELETE FROM inbound_lateness WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM inbound_lateness WHERE eta < :before AND observed_at IS NOT NULL
        ORDER BY eta LIMIT :limit FOR UPDATE SKIP LOCKED
    ))
    """
)


class SqlInputRetention:
    """Implements InputRetention on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def forget_demand(self, days: int, after: str, *, skus: int = 200, lines: int = 5_000) -> InputRetentionStep:
        """See InputRetention."""
        chosen = list((await self._conn.execute(_SKUS, {"after": after, "limit": skus})).scalars())
        if not chosen:
            return InputRetentionStep(0, "", done=True)
        removed = (await self._conn.execute(_DEMAND, {"skus": chosen, "days": days, "limit": lines})).rowcount
        return InputRetentionStep(removed, after if removed == lines else chosen[-1], done=False)

    async def forget_deliveries(self, before: date, *, lines: int = 5_000) -> InputRetentionStep:
        """See InputRetention."""
        removed = (await self._conn.execute(_DELIVERIES, {"before": before, "limit": lines})).rowcount
        return InputRetentionStep(removed, "", done=not removed)
