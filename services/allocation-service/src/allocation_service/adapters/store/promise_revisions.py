"""Moving promises that the supply no longer keeps: one statement, however many lines wait."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from itertools import accumulate
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.lateness.first_promise_writes import promise_source_of
from allocation_service.adapters.store.decision_writes import steps_of
from allocation_service.adapters.store.reason_columns import reason_of
from allocation_service.adapters.store.write_plan import run
from allocation_service.application.session.decision_record import DecisionRecord
from allocation_service.application.session.ports import MovedLine
from allocation_service.domain.promising.promise_revision import HELD_DAYS, Revision
from service_kit.persistence.statements import Statement

# Waiting units are counted in the order of their claims, those that stay backed first; a line is due when the supply
# reaches its count (width_bucket over the supply curve). A line of an order that ships complete comes no sooner than
# the rest of its order, whose other SKUs are read as they are. The twin of domain.promising.promise_revision.revise.
_QUEUE = "SELECT * FROM queue_entry WHERE sku = :sku"
# Of supply that is gained: each entry has a unit, so that those whom it reaches are among the first so many.
_REACHED = """
    SELECT * FROM queue_entry WHERE sku = :sku AND backed
    UNION ALL
    SELECT q.* FROM queue_entry AS q
    WHERE q.line_id IN (
        SELECT line_id FROM (
            SELECT line_id FROM queue_entry WHERE sku = :sku AND NOT backed
            ORDER BY claim_date, queued_at, line_id LIMIT CAST(:gained AS bigint)
        ) AS first
    )
"""
_REVISION = """
    WITH line AS (
        SELECT line_id, order_id, ship_complete, promise_date, claim_date, backed, sum(quantity) AS units,
               min(queued_at) AS queued_at
        FROM ({entries}) AS entry
        GROUP BY line_id, order_id, ship_complete, promise_date, claim_date, backed
    ), backing AS (
        SELECT *, backed AND :total >= sum(units) OVER (
                   PARTITION BY backed ORDER BY claim_date, queued_at, line_id) AS still_backed
        FROM line
    ), counted AS (
        SELECT *, sum(units) OVER (ORDER BY NOT still_backed, claim_date, queued_at, line_id) AS cumulative FROM backing
    ), judged AS (
        SELECT *, cumulative <= :total AS covered,
               CASE WHEN cumulative <= :total THEN
                        (CAST(:days AS date[]))[width_bucket(cumulative - 1, CAST(:totals AS numeric[])) + 1]
                    WHEN :learned AND backed AND promise_date >= :first_kept_day THEN promise_date
                    WHEN backed OR promise_date IS NULL OR promise_date < :first_kept_day THEN CAST(:fallback AS date)
                    WHEN NOT :lead_time_gone THEN
                        least(promise_date + CAST(:rise AS int), greatest(promise_date, CAST(:fallback AS date)))
               END AS found,
               (CAST(:medians AS date[]))[width_bucket(cumulative - 1, CAST(:median_totals AS numeric[])) + 1] AS likely
        FROM counted
    ), alone AS (
        SELECT *, found IS NULL AS undated, greatest(found, CAST(:not_before AS date)) AS due,
               (SELECT max(claim_date) FROM judged WHERE still_backed) AS last_backed
        FROM judged
    ), kept AS (
        SELECT *, greatest(CASE
                    WHEN :learned AND covered AND (likely <= promise_date OR promise_date >= :first_kept_day
                         AND due <= promise_date + CAST(:held_days AS int)) THEN promise_date
                    ELSE due
               END, CAST(:not_before AS date)) AS to_tell
        FROM alone
    ), dated AS (
        SELECT kept.line_id, kept.promise_date AS old_date, kept.claim_date AS old_claim, kept.backed AS was_backed,
               kept.units, kept.covered AS now_backed, kept.due, kept.last_backed, kept.queued_at,
               CASE WHEN NOT kept.undated AND rest.undated IS NOT TRUE
                    THEN greatest(kept.to_tell, rest.latest, kept.promise_date) END AS told,
               CASE WHEN rest.undated IS NOT TRUE THEN rest.latest END AS rest_date
        FROM kept
        LEFT JOIN LATERAL (
            SELECT max(d.promise_date) AS latest, bool_or(d.promise_date IS NULL) AS undated
            FROM demand AS d
            WHERE kept.ship_complete AND d.order_id = kept.order_id AND d.sku <> :sku
              AND d.live_units > d.granted_units
        ) AS rest ON true
    ), claims AS (
        SELECT *, least(old_claim, greatest(due, rest_date)) AS earliest, now_backed AND NOT was_backed AS anew
        FROM dated
    ), in_turn AS (
        SELECT *, bool_or(anew AND earliest <= last_backed) OVER ahead AS gave_way,
               max(greatest(due, rest_date)) FILTER (WHERE anew) OVER ahead AS latest_due
        FROM claims
        WINDOW ahead AS (ORDER BY old_claim, queued_at, line_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), new AS (
        SELECT *,
               CASE WHEN NOT now_backed THEN
                        CASE WHEN old_claim <> 'infinity' THEN old_claim ELSE coalesce(told, DATE 'infinity') END
                    WHEN anew AND (earliest <= last_backed OR (gave_way AND earliest <= latest_due))
                        THEN greatest(due, rest_date)
                    ELSE earliest
               END AS claim
        FROM in_turn
    ), changed AS (
        SELECT new.*, told IS DISTINCT FROM old_date AS moved,
               CASE WHEN now_backed THEN (CAST(:sources AS text[]))[part] ELSE CAST(:lead_time_source AS text) END
                   AS source,
               CASE WHEN now_backed THEN (CAST(:confidences AS int[]))[part]
                    ELSE CAST(:lead_time_confidence AS int) END AS confidence,
               CASE WHEN told IS NULL OR NOT :learned THEN NULL
                    WHEN now_backed THEN (CAST(:bases AS text[]))[part] ELSE CAST(:lead_time_basis AS text) END AS basis
        FROM (
            SELECT *, greatest(1, width_bucket(told, CAST(:days AS date[]))) AS part FROM new
        ) AS new
        WHERE {changes} AND (told IS DISTINCT FROM old_date OR claim <> old_claim OR now_backed <> was_backed)
    ), promises AS (
        INSERT INTO promised AS p (sku, promise_date, units, backed_units)
        SELECT :sku, day, sum(units), sum(backed_units) FROM (
            SELECT old_date AS day, -units AS units, CASE WHEN was_backed THEN -units ELSE 0 END AS backed_units
            FROM changed WHERE old_date IS NOT NULL
            UNION ALL
            SELECT told, units, CASE WHEN now_backed THEN units ELSE 0 END FROM changed WHERE told IS NOT NULL
        ) AS change GROUP BY day
        ON CONFLICT (sku, promise_date) DO UPDATE
        SET units = p.units + excluded.units, backed_units = p.backed_units + excluded.backed_units
    ), claimed_units AS (
        INSERT INTO claimed AS c (sku, claim_date, units, backed_units)
        SELECT :sku, day, sum(units), sum(backed_units) FROM (
            SELECT old_claim AS day, -units AS units, CASE WHEN was_backed THEN -units ELSE 0 END AS backed_units
            FROM changed
            UNION ALL
            SELECT claim, units, CASE WHEN now_backed THEN units ELSE 0 END FROM changed
        ) AS change GROUP BY day
        ON CONFLICT (sku, claim_date) DO UPDATE
        SET units = c.units + excluded.units, backed_units = c.backed_units + excluded.backed_units
    ), first_dates AS (
        INSERT INTO first_promise (line_id, sku, basis, source, target, first_date, asked_at, lead_time, table_version,
                                   confidence)
        SELECT line_id, :sku, basis, changed.source, CAST(:target AS smallint), told, CAST(:now AS timestamptz),
               CAST(:stated_lead_time AS int), CAST(:table_version AS bigint), confidence
        FROM changed JOIN demand AS first USING (line_id)
        WHERE basis IS NOT NULL AND old_date IS NULL AND first.promise_revision = 0
        ON CONFLICT (line_id) DO NOTHING
    ), entries AS (
        UPDATE queue_entry AS q SET promise_date = changed.told, claim_date = changed.claim, backed = changed.now_backed
        FROM changed WHERE q.line_id = changed.line_id
    )
    UPDATE demand AS d
    SET promise_date = changed.told, claim_date = changed.claim, backed = changed.now_backed,
        promise_basis = CASE WHEN changed.moved THEN changed.basis ELSE d.promise_basis END,
        promise_source = CASE WHEN changed.moved THEN changed.source ELSE d.promise_source END,
        promise_confidence = CASE WHEN changed.moved THEN changed.confidence ELSE d.promise_confidence END,
        promise_table = CASE WHEN changed.moved THEN CAST(:table_version AS bigint) ELSE d.promise_table END,
        ship_by = CASE WHEN changed.moved THEN NULL ELSE d.ship_by END,
        promise_revision = d.promise_revision + CAST(changed.moved AS int),
        promise_cause = CASE WHEN changed.moved THEN :cause ELSE d.promise_cause END,
        line_version = d.line_version + CAST(changed.moved AS int)
    FROM changed
    JOIN demand AS was ON was.line_id = changed.line_id
    JOIN customer_order AS o ON o.order_id = was.order_id
    WHERE d.line_id = changed.line_id
    RETURNING d.line_id, d.order_id, d.sku, d.line_version, d.live_units - d.granted_units AS waiting, d.declined,
              d.promise_date, d.promise_revision, o.basis, o.correlation_id, d.granted_units,
              d.reason, d.reason_code, d.reason_parameters, d.promise_basis, d.promise_source,
              d.promise_confidence, d.promise_table, changed.moved
"""
_REVISE = text(_REVISION.format(entries=_QUEUE, changes="true"))
_REVISE_REACHED = text(_REVISION.format(entries=_REACHED, changes="now_backed"))
_EMPTY = (
    text("DELETE FROM promised WHERE sku = :sku AND units = 0"),
    text("DELETE FROM claimed WHERE sku = :sku AND units = 0"),
)
_MOVE_ALLOCATED = text(
    """
    UPDATE demand AS d
    SET promise_date = :day, promise_revision = d.promise_revision + 1, promise_cause = :cause,
        line_version = d.line_version + 1,
        promise_basis = NULL, promise_source = NULL, promise_confidence = NULL, promise_table = NULL, ship_by = NULL
    FROM customer_order AS o
    WHERE o.order_id = d.order_id AND d.sku = :sku AND d.live_units = d.granted_units
      AND d.promise_date IS DISTINCT FROM :day
      AND d.line_id IN (SELECT line_id FROM commitment WHERE sku = :sku AND granted > shipped)
    RETURNING d.line_id, d.order_id, d.sku, d.line_version, d.live_units - d.granted_units AS waiting, d.declined,
              d.promise_date, d.promise_revision, o.basis, o.correlation_id, d.granted_units,
              d.reason, d.reason_code, d.reason_parameters, d.promise_basis, d.promise_source,
              d.promise_confidence, d.promise_table
    """
)
# Days are computed where zones and calendars are known; without calendars there is nothing to write.
_SHIP_BY = text(
    """
    UPDATE demand AS d SET ship_by = dated.ship_by
    FROM unnest(CAST(:days AS date[]), CAST(:ship_by AS date[])) AS dated (day, ship_by)
    WHERE d.promise_date = dated.day AND d.line_id = ANY(CAST(:ids AS text[]))
    """
)
_FIRST_UNBACKED = Statement(
    """
    SELECT wanted.sku, (SELECT sum(quantity) FROM queue_entry WHERE line_id = first.line_id) AS units
    FROM unnest(CAST(:skus AS text[])) AS wanted (sku)
    CROSS JOIN LATERAL (
        SELECT line_id FROM queue_entry WHERE sku = wanted.sku AND NOT backed
        ORDER BY claim_date, queued_at, line_id LIMIT 1
    ) AS first
    """
)
_GRANTED = text(
    "SELECT line_id, location, granted FROM commitment WHERE line_id = ANY(CAST(:ids AS text[])) AND granted > 0"
)


async def revise_promises(conn: AsyncConnection, revision: Revision, gained: int | None = None) -> list[MovedLine]:
    """Revise one locked SKU (``promise_revision.revise``); the lines whose date moved, as they are now."""
    totals = list(accumulate(one.units for one in revision.expected))
    result = await conn.execute(
        _REVISE if gained is None else _REVISE_REACHED,
        {
            "sku": revision.sku,
            "days": [one.day for one in revision.expected],
            "totals": totals,
            "total": totals[-1],
            "first_kept_day": revision.first_kept_day,
            "held_days": HELD_DAYS,
            **_learned(revision),
            "not_before": revision.not_before,
            "fallback": revision.fallback,
            "cause": revision.cause,
            "rise": revision.lead_time_rise,
            "lead_time_gone": revision.lead_time_gone,
            **({} if gained is None else {"gained": gained}),
        },
    )
    changed = result.all()
    if not changed:
        return []
    for statement in _EMPTY:
        await conn.execute(statement, {"sku": revision.sku})
    return await _told(conn, revision, [row for row in changed if row.moved])


def _learned(revision: Revision) -> dict[str, Any]:
    """What the statement goes by where dates are learned."""
    learned = revision.learned
    median = revision.expected if learned is None else learned.median
    sources = () if learned is None else learned.sources
    by_lead_time = None if learned is None else learned.by_lead_time
    return {
        "learned": learned is not None,
        "medians": [one.day for one in median],
        "median_totals": list(accumulate(one.units for one in median)),
        "sources": [one.source for one in sources],
        "bases": [one.basis.value for one in sources],
        "confidences": [one.confidence for one in sources],
        "lead_time_basis": by_lead_time.basis.value if by_lead_time else None,
        "lead_time_source": by_lead_time.source if by_lead_time else None,
        "lead_time_confidence": by_lead_time.confidence if by_lead_time else None,
        "target": learned.target if learned else None,
        "table_version": learned.table_version if learned else None,
        "stated_lead_time": learned.lead_time if learned else None,
        "now": revision.now,
    }


async def move_allocated(conn: AsyncConnection, revision: Revision, day: date) -> list[MovedLine]:
    """Promise what is allocated of a locked SKU and has not shipped for a day; the lines that moved."""
    values = {"sku": revision.sku, "day": day, "cause": revision.cause}
    return await _told(conn, revision, (await conn.execute(_MOVE_ALLOCATED, values)).all())


async def _told(conn: AsyncConnection, revision: Revision, rows: Sequence[Any]) -> list[MovedLine]:
    """Record a revision that moved some lines; the lines as they are now."""
    if not rows:
        return []
    record = DecisionRecord(
        revision.decision_id, revision.cause_event or revision.cause, revision.cause, revision.now, skus={revision.sku}
    )
    record.steps.append(revision.step(len(rows)))
    days = {row.promise_date for row in rows if row.promise_date is not None}
    leave = {day: record.name_ship_date(revision.sku, revision.handling, day) for day in sorted(days)}
    await run(conn, steps_of([record]))
    if revision.handling is not None and leave:
        values = {"days": list(leave), "ship_by": list(leave.values()), "ids": [row.line_id for row in rows]}
        await conn.execute(_SHIP_BY, values)
    granted: dict[str, dict[str, int]] = {}
    holding = [row.line_id for row in rows if row.granted_units]
    if holding:
        for found in (await conn.execute(_GRANTED, {"ids": holding})).all():
            granted.setdefault(found.line_id, {})[found.location] = found.granted
    return [_moved(row, granted.get(row.line_id, {}), leave.get(row.promise_date)) for row in rows]


async def first_unbacked(conn: AsyncConnection, skus: Collection[str]) -> dict[str, int]:
    """By SKU: the waiting units of the first line, by claims, that known supply does not back."""
    return {sku: int(units) for sku, units in await _FIRST_UNBACKED.within(conn, {"skus": list(skus)})}


def _moved(row: Any, allocated: dict[str, int], ship_by: date | None) -> MovedLine:
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
        promise_source_of(row._mapping),
        ship_by,
    )
