"""Old decisions make way for a summary, in small steps.

Decisions are only ever added, so that one mark says how far this has come: every decision up to it has its
summary, and of its lines those that were open when that was made. A step locks nothing but the mark and rows
that no decision touches any more.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.maintenance.maintenance_records import NOTHING, RetentionStep

_CLAIM = text("SELECT summarised, tidied FROM decision_retention FOR UPDATE SKIP LOCKED")
_NEXT = text(
    """
    SELECT decision_id, recorded_at >= :before AS young FROM decision
    WHERE decision_id > :after ORDER BY decision_id LIMIT :limit
    """
)
_SUMMARISE = text(
    """
    UPDATE decision AS d SET steps = '[]', summary = jsonb_strip_nulls(jsonb_build_object(
        'kinds', s.kinds, 'policies', p.policies, 'lines', coalesce(l.lines, 0), 'granted', coalesce(l.granted, 0),
        'taken_back', coalesce(l.taken_back, 0), 'reasons', l.reasons))
    FROM unnest(CAST(:ids AS text[])) AS chosen (id)
    JOIN decision AS was ON was.decision_id = chosen.id AND was.summary IS NULL AND was.steps <> '[]'
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(kind, steps) AS kinds FROM (
            SELECT step ->> 'kind' AS kind, count(*) AS steps FROM jsonb_array_elements(was.steps) AS step GROUP BY 1
        ) AS by_kind
    ) AS s
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('name', name, 'version', version, 'sort', sort, 'steps', steps)) AS policies
        FROM (
            SELECT policy -> 'name' AS name, policy -> 'version' AS version, policy -> 'sort' AS sort,
                   jsonb_agg(number - 1 ORDER BY number) AS steps
            FROM jsonb_array_elements(was.steps) WITH ORDINALITY AS every (step, number)
            CROSS JOIN LATERAL (
                SELECT step -> 'policy' AS policy WHERE step ? 'policy'
                UNION SELECT value FROM jsonb_each(step -> 'followed')
            ) AS used
            GROUP BY 1, 2, 3 ORDER BY min(number)
        ) AS by_policy
    ) AS p
    CROSS JOIN LATERAL (
        SELECT sum(lines)::bigint AS lines, sum(granted)::bigint AS granted, sum(taken_back)::bigint AS taken_back,
               jsonb_agg(jsonb_build_object('code', reason_code, 'parameters', reason_parameters,
                                            'text', nullif(reason, ''), 'lines', lines)) AS reasons
        FROM (
            SELECT reason, reason_code, reason_parameters, count(*) AS lines,
                   coalesce(sum(granted) FILTER (WHERE granted > 0), 0) AS granted,
                   coalesce(-sum(granted) FILTER (WHERE granted < 0), 0) AS taken_back
            FROM decision_line WHERE decision_id = chosen.id
            GROUP BY reason, reason_code, reason_parameters
        ) AS by_reason
    ) AS l
    WHERE d.decision_id = chosen.id
    """
)
_OPEN = """
    EXISTS (
        SELECT FROM demand AS d WHERE d.line_id = l.line_id AND d.live_units >
            (SELECT coalesce(sum(c.shipped), 0) FROM commitment AS c WHERE c.line_id = d.line_id)
    )
    """
_FORGET_LINES = text(
    f"""
    DELETE FROM decision_line WHERE ctid = ANY(ARRAY(
        SELECT l.ctid FROM decision_line AS l WHERE l.decision_id = ANY(CAST(:ids AS text[])) AND NOT {_OPEN}
        LIMIT :limit
    ))
    """
)
_KEPT = text(
    "SELECT DISTINCT decision_id FROM (SELECT decision_id FROM decision_line"
    " WHERE decision_id > :after AND decision_id <= :summarised ORDER BY decision_id LIMIT :limit) AS next ORDER BY 1"
)
_MARK = text("UPDATE decision_retention SET summarised = :summarised, tidied = :tidied")


class SqlDecisionRetention:
    """Implements DecisionRetention on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def summarise(self, before: datetime, *, decisions: int = 200, lines: int = 5_000) -> RetentionStep:
        """See DecisionRetention."""
        mark = (await self._conn.execute(_CLAIM)).one_or_none()
        if mark is None:
            return NOTHING
        found = (
            await self._conn.execute(_NEXT, {"after": mark.summarised, "before": before, "limit": decisions})
        ).all()
        ids = []
        for row in found:
            if row.young:
                break
            ids.append(row.decision_id)
        if not ids:
            return NOTHING
        summarised = (await self._conn.execute(_SUMMARISE, {"ids": ids})).rowcount
        removed = (await self._conn.execute(_FORGET_LINES, {"ids": ids, "limit": lines})).rowcount
        if removed < lines:
            await self._conn.execute(_MARK, {"summarised": ids[-1], "tidied": mark.tidied})
        return RetentionStep(summarised, removed, done=False)

    async def tidy(self, *, lines: int = 5_000) -> RetentionStep:
        """See DecisionRetention."""
        mark = (await self._conn.execute(_CLAIM)).one_or_none()
        if mark is None:
            return NOTHING
        values = {"after": mark.tidied, "summarised": mark.summarised, "limit": lines}
        ids = list((await self._conn.execute(_KEPT, values)).scalars())
        removed = 0
        if ids:
            removed = (await self._conn.execute(_FORGET_LINES, {"ids": ids, "limit": lines})).rowcount
        reached = mark.tidied if removed == lines else ids[-1] if ids else ""
        await self._conn.execute(_MARK, {"summarised": mark.summarised, "tidied": reached})
        return RetentionStep(0, removed, done=not ids)
