"""Moving promises that the supply no longer keeps: one statement, however many lines wait."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.store.decision_writes import steps_of
from allocation_service.adapters.store.reason_columns import reason_of
from allocation_service.adapters.store.write_plan import run
from allocation_service.application.session.decision_record import DecisionRecord
from allocation_service.application.session.ports import MovedLine
from allocation_service.domain.promising.promise_dates import Revision

# Waiting units are counted in the order (promise date, queue); a line is due when the supply reaches
# its count (width_bucket over the supply curve). A line of an order that ships complete comes no sooner
# than the rest of its order, whose other SKUs are read as they are. The twin of domain.promising.revise.
_REVISE = text(
    """
    WITH counted AS (
        SELECT line_id, order_id, ship_complete, promise_date, quantity,
               sum(quantity) OVER (ORDER BY coalesce(promise_date, '9999-12-31'), queued_at, line_id) AS cumulative
        FROM queue_entry WHERE sku = :sku
    ), alone AS (
        SELECT line_id, order_id, ship_complete, promise_date,
               CASE WHEN cumulative <= :total THEN
                        greatest((CAST(:days AS date[]))[width_bucket(cumulative - 1, CAST(:totals AS numeric[])) + 1],
                                 CAST(:not_before AS date))
                    WHEN promise_date >= :today AND cumulative > :supply_before THEN promise_date
                    ELSE greatest(CAST(:fallback AS date), CASE WHEN CAST(:fallback AS date) IS NOT NULL
                                                                THEN CAST(:not_before AS date) END)
               END AS due
        FROM counted
    ), dated AS (
        SELECT line_id, promise_date,
               CASE WHEN due IS NULL OR rest.undated THEN NULL ELSE greatest(due, rest.latest) END AS due
        FROM alone
        LEFT JOIN LATERAL (
            SELECT max(d.promise_date) AS latest, bool_or(d.promise_date IS NULL) AS undated
            FROM demand AS d
            WHERE alone.ship_complete AND d.order_id = alone.order_id AND d.sku <> :sku
              AND d.live_units > d.granted_units
        ) AS rest ON true
    ), moved AS (
        SELECT line_id, CASE WHEN bool_and(due IS NOT NULL) THEN max(due) END AS due
        FROM dated GROUP BY line_id, promise_date
        HAVING bool_and(due IS NOT NULL) <> (promise_date IS NOT NULL)
            OR (bool_and(due IS NOT NULL) AND max(due) > promise_date)
    ), old AS (
        SELECT d.promise_date, sum(q.quantity) AS units
        FROM moved JOIN demand AS d USING (line_id) JOIN queue_entry AS q USING (line_id)
        WHERE d.promise_date IS NOT NULL GROUP BY d.promise_date
    ), new AS (
        SELECT moved.due, sum(q.quantity) AS units FROM moved JOIN queue_entry AS q USING (line_id)
        WHERE moved.due IS NOT NULL GROUP BY moved.due
    ), counters AS (
        INSERT INTO promised AS p (sku, promise_date, units)
        SELECT :sku, day, sum(units) FROM (
            SELECT promise_date AS day, -units AS units FROM old UNION ALL SELECT due, units FROM new
        ) AS change GROUP BY day
        ON CONFLICT (sku, promise_date) DO UPDATE SET units = p.units + excluded.units
    ), entries AS (
        UPDATE queue_entry AS q SET promise_date = moved.due FROM moved WHERE q.line_id = moved.line_id
    )
    UPDATE demand AS d
    SET promise_date = moved.due, promise_revision = d.promise_revision + 1, promise_cause = :cause,
        line_version = d.line_version + 1
    FROM moved
    JOIN demand AS was ON was.line_id = moved.line_id
    JOIN customer_order AS o ON o.order_id = was.order_id
    WHERE d.line_id = moved.line_id
    RETURNING d.line_id, d.order_id, d.sku, d.line_version, d.live_units - d.granted_units AS waiting, d.declined,
              d.promise_date, d.promise_revision, o.basis, o.correlation_id, d.granted_units,
              d.reason, d.reason_code, d.reason_parameters
    """
)
_EMPTY = text("DELETE FROM promised WHERE sku = :sku AND units = 0")
_GRANTED = text(
    "SELECT line_id, location, granted FROM commitment WHERE line_id = ANY(CAST(:ids AS text[])) AND granted > 0"
)


async def revise_promises(conn: AsyncConnection, revision: Revision) -> list[MovedLine]:
    """Revise one locked SKU; the lines that moved, as they are now."""
    totals = list(accumulate(one.units for one in revision.expected))
    result = await conn.execute(
        _REVISE,
        {
            "sku": revision.sku,
            "days": [one.day for one in revision.expected],
            "totals": totals,
            "total": totals[-1],
            "supply_before": revision.supply_before,
            "today": revision.now.date(),
            "not_before": revision.not_before,
            "fallback": revision.fallback,
            "cause": revision.cause,
        },
    )
    rows = result.all()
    if not rows:
        return []
    await conn.execute(_EMPTY, {"sku": revision.sku})
    record = DecisionRecord(
        revision.decision_id, revision.cause_event or revision.cause, revision.cause, revision.now, skus={revision.sku}
    )
    record.steps.append({"kind": "revise", **revision._asdict(), "lines": len(rows)})
    await run(conn, steps_of([record]))
    granted: dict[str, dict[str, int]] = {}
    holding = [row.line_id for row in rows if row.granted_units]
    if holding:
        for found in (await conn.execute(_GRANTED, {"ids": holding})).all():
            granted.setdefault(found.line_id, {})[found.location] = found.granted
    return [_moved(row, granted.get(row.line_id, {})) for row in rows]


def _moved(row: Any, allocated: dict[str, int]) -> MovedLine:
    return MovedLine(
        row.line_id,
        row.order_id,
        row.sku,
        row.line_version,
        row.waiting,
        row.declined,
        reason_of(row.reason, row.reason_code, row.reason_parameters),
        row.promise_date,
        row.promise_revision,
        row.basis,
        row.correlation_id,
        allocated,
    )
