"""Finding what the background tasks work on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.maintenance.maintenance_records import Backlog
from service_kit.runtime.believed_time import MOST_AHEAD

_PASSED = text(
    "SELECT DISTINCT sku FROM promised WHERE promise_date < :today AND units > 0"
    " AND sku <> ALL (CAST(:without AS text[])) ORDER BY sku LIMIT :limit"
)
_NEWEST = text("SELECT max(last_now) FROM sku WHERE last_now <= :latest")
_IDLE = text(
    """
    WITH free AS (
        SELECT sku, sum(greatest(0, on_hand + shipped - granted)) AS units FROM stock_level
        WHERE active AND on_hand + shipped > granted GROUP BY sku
    ), whole AS (
        SELECT q.order_id, q.sku, sum(q.quantity) AS units FROM queue_entry AS q
        WHERE q.ship_complete AND q.order_id IN (
            SELECT order_id FROM queue_entry JOIN free USING (sku) WHERE ship_complete)
        GROUP BY q.order_id, q.sku
    )
    SELECT sku FROM (
        SELECT s.sku FROM sku AS s JOIN free USING (sku)
        WHERE s.known AND s.waiting_units > 0
          AND EXISTS (SELECT FROM queue_entry AS q WHERE q.sku = s.sku AND NOT q.ship_complete)
        UNION
        SELECT unnest(array_agg(w.sku)) FROM whole AS w LEFT JOIN free AS f USING (sku)
        GROUP BY w.order_id HAVING bool_and(coalesce(f.units, 0) >= w.units)
        UNION
        SELECT l.sku FROM stock_level AS l WHERE l.granted > l.on_hand + l.shipped
          AND EXISTS (SELECT FROM commitment AS c
                      WHERE c.sku = l.sku AND c.location = l.location AND c.granted > c.shipped)
    ) AS found
    WHERE sku > :after AND sku <> ALL (CAST(:without AS text[]))
      AND NOT EXISTS (SELECT FROM recheck_sku AS r WHERE r.sku = found.sku)
      AND NOT EXISTS (SELECT FROM policy_review AS p WHERE p.sku = found.sku)
    ORDER BY sku LIMIT :limit
    """
)


_WAITING = text(
    """
    SELECT min(oldest.queued_at) AS oldest, coalesce(sum(s.waiting_units), 0) AS units
    FROM sku AS s
    CROSS JOIN LATERAL (SELECT queued_at FROM queue_entry AS q WHERE q.sku = s.sku ORDER BY queued_at LIMIT 1) AS oldest
    WHERE s.waiting_units > 0
    """
)
_LINES = text("SELECT count(*) FROM queue_entry")


class SqlBackgroundWork:
    """Implements BackgroundWork on one transaction."""

    def __init__(self, conn: AsyncConnection, now: datetime | None = None) -> None:
        self._conn = conn
        self._now = now or datetime.now(UTC)

    async def skus_with_passed_promises(
        self, today: date, limit: int = 100, without: Collection[str] = ()
    ) -> list[str]:
        """See BackgroundWork."""
        values = {"today": today, "limit": limit, "without": list(without)}
        return list((await self._conn.execute(_PASSED, values)).scalars())

    async def skus_to_reconcile(self, after: str, limit: int, without: Collection[str] = ()) -> list[str]:
        """See BackgroundWork."""
        values = {"after": after, "limit": limit, "without": list(without)}
        return list((await self._conn.execute(_IDLE, values)).scalars())

    async def backlog(self) -> Backlog:
        """See BackgroundWork."""
        row = (await self._conn.execute(_WAITING)).one()
        return Backlog(row.oldest, int(row.units), (await self._conn.execute(_LINES)).scalar_one())

    async def newest_cause(self) -> datetime | None:
        """See BackgroundWork."""
        found: datetime | None = (await self._conn.execute(_NEWEST, {"latest": self._now + MOST_AHEAD})).scalar()
        return found
