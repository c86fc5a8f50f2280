"""Tables of lateness, first dates and what became of them, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.lateness.quantile_tables import quantile_table, rows_of
from allocation_service.application.promising.ports import KeptCount, KeptDates, LatenessState
from allocation_service.domain.lateness.adaptive_level import AdaptiveLevel
from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.first_promise import Levels, Outcome
from allocation_service.domain.lateness.observations import NEWEST, AnnouncedDate
from allocation_service.domain.lateness.past_delivery import PastDelivery
from allocation_service.domain.lateness.quantile_table import DEFAULT_TARGET, QuantileTable
from allocation_service.domain.lateness.table_building import ClosedLine, History, LeadTimeLine
from allocation_service.domain.supply.lateness import WINDOW_DAYS
from service_kit.persistence.bulk import Columns, arrays, insert, names, or_update, unnest

_STATE = "SELECT default_target, version, built_for, built_at FROM lateness_state"
_CLAIM = text(f"{_STATE} FOR UPDATE SKIP LOCKED")

# The day on which the last of a line's units was allocated, if none of it waits any more. Units that were allocated
# when the date was named are not served by it.
_SERVED = """
    SELECT f.line_id, (
        SELECT max(CAST(d.decided_at AT TIME ZONE 'UTC' AS date))
        FROM decision_line AS l JOIN decision AS d USING (decision_id)
        WHERE l.line_id = f.line_id AND l.granted > 0 AND d.decided_at > f.asked_at
    ) AS served_on
    FROM first_promise AS f JOIN demand ON demand.line_id = f.line_id
    WHERE f.served_on IS NULL AND f.state <> 'withdrawn' AND demand.live_units = demand.granted_units
"""
_LEAVE = """
    UPDATE first_promise AS f SET served_on = gone.served_on,
           state = CASE WHEN gone.served_on IS NULL AND f.state = 'open' THEN 'withdrawn' ELSE f.state END
    FROM ({served}) AS gone WHERE f.line_id = gone.line_id AND (gone.served_on IS NOT NULL OR f.state = 'open')
"""
_LEAVE_DUE = text(_LEAVE.format(served=f"{_SERVED} AND f.state = 'open' AND f.first_date < :today"))
_LEAVE_ALL = text(_LEAVE.format(served=_SERVED))
_COME_DUE = text(
    """
    UPDATE first_promise SET state = CASE WHEN served_on <= first_date THEN 'kept' ELSE 'missed' END
    WHERE state = 'open' AND first_date < :today
    RETURNING line_id, basis, source, target, first_date, state = 'missed' AS missed
    """
)
_LEVELS = text("SELECT basis, source, target, alpha, outcomes FROM promise_level")
_LEVEL: Columns = (
    ("basis", "text"), ("source", "text"), ("target", "smallint"), ("alpha", "double precision"),
    ("outcomes", "bigint"),
)  # fmt: skip
_KEEP_LEVELS = text(insert("promise_level", _LEVEL, or_update(_LEVEL, 3)))
_TARGETS = text(
    "SELECT DISTINCT promise_target FROM sku WHERE promise_target IS NOT NULL"
    " UNION SELECT default_target FROM lateness_state WHERE default_target IS NOT NULL"
)

# Lines of one delivery come together: what is alike is one observation.
_DATES = text(
    """
    SELECT found.* FROM (SELECT DISTINCT supplier FROM inbound_lateness WHERE eta >= :since) AS one
    CROSS JOIN LATERAL (
        SELECT DISTINCT supplier, eta, lead_from, lead_to, arrived_on, observed_at IS NOT NULL AS closed
        FROM inbound_lateness AS l
        WHERE l.supplier = one.supplier AND eta < :today AND eta >= :since
        ORDER BY eta DESC LIMIT :limit
    ) AS found
    """
)
_CLOSED = text(
    """
    SELECT found.* FROM (SELECT DISTINCT supplier FROM inbound_lateness WHERE eta >= :since) AS one
    CROSS JOIN LATERAL (
        SELECT DISTINCT po_line, supplier, ordered, received, observed_at FROM inbound_lateness AS l
        WHERE l.supplier = one.supplier AND ordered > 0 AND observed_at IS NOT NULL AND eta >= :since
        ORDER BY observed_at DESC, po_line LIMIT :limit
    ) AS found
    """
)
_LEAD_TIME_LINES = text(
    """
    SELECT sku, CAST(asked_at AT TIME ZONE 'UTC' AS date) AS asked_on, lead_time, served_on FROM first_promise
    WHERE basis = 'lead_time' AND state <> 'withdrawn' AND asked_at < :today ORDER BY asked_at DESC LIMIT :limit
    """
)
_DATES_A_SUPPLIER, _LINES = 3 * NEWEST, 50 * NEWEST

_ROW: Columns = (
    ("basis", "text"), ("source", "text"), ("situation", "text"), ("observations", "int"), ("plain", "text"),
    ("safe", "jsonb"),
)  # fmt: skip
_END = text(
    f"UPDATE lateness_quantile AS q SET until = :version FROM {unnest(_ROW[:3], 'gone')}"
    " WHERE q.until IS NULL AND (q.basis, q.source, q.situation) = (gone.basis, gone.source, gone.situation)"
)
_BEGIN = text(
    "INSERT INTO lateness_quantile (basis, source, situation, since, observations, plain, safe)"
    " SELECT basis, source, situation, :version, observations, CAST(plain AS double precision[]), safe"
    f" FROM {unnest(_ROW, 'new')}"
)
_VERSION = text("INSERT INTO lateness_version (version, built_for, built_at) VALUES (:version, :today, :now)")
_IN_FORCE = text("UPDATE lateness_state SET version = :version, built_for = :today, built_at = :now")
_KEPT = """
    SELECT basis, target, {name} AS name, count(*) AS due, count(*) FILTER (WHERE state = 'kept') AS kept
    FROM first_promise WHERE state IN ('kept', 'missed') AND first_date >= :since GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """
_BY_TARGET, _BY_SOURCE = text(_KEPT.format(name="''")), text(_KEPT.format(name="source"))
_BY_CONFIDENCE = text(_KEPT.format(name="lpad(confidence::text, 2, '0')"))
_REST = text(
    """
    SELECT (SELECT count(*) FROM first_promise WHERE state = 'open') AS open,
           (SELECT count(*) FROM first_promise WHERE state = 'withdrawn' AND first_date >= :since) AS withdrawn,
           (SELECT CAST(avg(first_date - served_on) AS double precision) FROM first_promise
            WHERE state = 'kept' AND first_date >= :since) AS slack_days,
           (SELECT CAST(avg(CASE WHEN state = 'kept' THEN 1.0 ELSE 0.0 END) AS double precision) FROM (
                SELECT state FROM first_promise WHERE state IN ('kept', 'missed')
                ORDER BY first_date DESC, line_id LIMIT 200
            ) AS newest) AS rolling
    """
)
_HISTORY = "history:"
"""Before the names of lines that were told afterwards; those of purchase orders have no colon."""
_PAST: Columns = (
    ("po_line", "text"), ("supplier", "text"), ("eta", "date"), ("lead_from", "int"), ("lead_to", "int"),
    ("arrived_on", "date"), ("observed_at", "date"), ("ordered", "bigint"), ("received", "bigint"),
)  # fmt: skip
_ADD_DELIVERIES = text(
    f"INSERT INTO inbound_lateness ({names(_PAST)}) SELECT {names(_PAST)} FROM {unnest(_PAST, 'new')}"
    " WHERE NOT EXISTS (SELECT FROM inbound_lateness AS l WHERE l.po_line = new.po_line) RETURNING po_line"
)
_DEFAULT = text("UPDATE lateness_state SET default_target = :percent")
_TARGET = text("UPDATE sku SET promise_target = :percent WHERE sku = :sku AND known")
_OF_SKUS = text("SELECT sku, promise_target FROM sku WHERE sku = ANY(CAST(:skus AS text[])) AND known")
_TO_JUDGE = text(
    "SELECT sku FROM sku WHERE waiting_units > 0 AND (judged_on IS NULL OR judged_on < :today)"
    " AND coalesce(promise_target, (SELECT default_target FROM lateness_state)) IS NOT NULL"
    " AND sku <> ALL (CAST(:without AS text[])) ORDER BY sku LIMIT :limit"
)
_JUDGED = text("UPDATE sku SET judged_on = :today WHERE sku = ANY(CAST(:skus AS text[]))")


class SqlLatenessStore:
    """Implements LatenessStore on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def state(self) -> LatenessState:
        """See LatenessStore."""
        return LatenessState(*(await self._conn.execute(text(_STATE))).one())

    async def claim(self) -> LatenessState | None:
        """See LatenessStore."""
        row = (await self._conn.execute(_CLAIM)).one_or_none()
        return None if row is None else LatenessState(*row)

    async def judge(self, today: date, *, whole: bool) -> Sequence[Outcome]:
        """See LatenessStore."""
        await self._conn.execute(_LEAVE_ALL if whole else _LEAVE_DUE, {} if whole else {"today": today})
        rows = await self._conn.execute(_COME_DUE, {"today": today})
        return [Outcome(row.line_id, Basis(row.basis), *row[2:]) for row in rows]

    async def levels(self) -> Levels:
        """See LatenessStore."""
        rows = await self._conn.execute(_LEVELS)
        return Levels(
            {(Basis(row.basis), row.source, row.target): AdaptiveLevel(row.alpha, row.outcomes) for row in rows}
        )

    async def keep_levels(self, levels: Levels) -> None:
        """See LatenessStore."""
        rows = [(basis.value, source, target, *level) for (basis, source, target), level in levels.by_key.items()]
        if rows:
            await self._conn.execute(_KEEP_LEVELS, arrays(_LEVEL, rows))

    async def targets(self) -> Collection[int]:
        """See LatenessStore."""
        return set((await self._conn.execute(_TARGETS)).scalars()) or {DEFAULT_TARGET}

    async def history(self, today: date) -> History:
        """See LatenessStore."""
        since = today - timedelta(days=WINDOW_DAYS)
        dates = await self._rows(_DATES, since=since, today=today, limit=_DATES_A_SUPPLIER)
        closed = await self._rows(_CLOSED, since=since, limit=NEWEST)
        by_lead_time = await self._rows(_LEAD_TIME_LINES, today=_midnight(today), limit=_LINES)
        return History(
            [AnnouncedDate(*row) for row in dates],
            [ClosedLine(*row[1:]) for row in closed],
            [LeadTimeLine(*row) for row in by_lead_time],
        )

    async def table(self, version: int) -> QuantileTable:
        """See LatenessStore."""
        return await quantile_table(self._conn, version)

    async def keep_table(self, table: QuantileTable, before: QuantileTable, today: date, now: datetime) -> None:
        """See LatenessStore."""
        old, new = rows_of(before), rows_of(table)
        changed = [(key, one) for key, one in new.items() if old.get(key) != one]
        ended = [key for key, one in old.items() if new.get(key) != one]
        if ended:
            await self._conn.execute(_END, {**arrays(_ROW[:3], ended), "version": table.version})
        if changed:
            rows = [(*key, one.observations, _array(one.plain), _document(one.safe)) for key, one in changed]
            await self._conn.execute(_BEGIN, {**arrays(_ROW, rows), "version": table.version})
        values = {"version": table.version, "today": today, "now": now}
        await self._conn.execute(_VERSION, values)
        await self._conn.execute(_IN_FORCE, values)

    async def add_deliveries(self, deliveries: Sequence[PastDelivery]) -> int:
        """See LatenessStore."""
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for one in deliveries:
            name = f"{_HISTORY}{one.reference}"
            rows.setdefault(name, [
                (name, date_.supplier, date_.eta, date_.lead_from, date_.lead_to, date_.arrived_on, one.closed_on,
                 one.ordered, one.received)
                for date_ in one.announced()
            ])  # fmt: skip
        values = arrays(_PAST, [row for some in rows.values() for row in some])
        return len({row.po_line for row in await self._rows(_ADD_DELIVERIES, **values)})

    async def kept_dates(self, today: date, days: int) -> KeptDates:
        """See LatenessStore."""
        since = today - timedelta(days=days)
        by_target, by_source, by_confidence = [
            [KeptCount(*row) for row in await self._rows(statement, since=since)]
            for statement in (_BY_TARGET, _BY_SOURCE, _BY_CONFIDENCE)
        ]
        rest = (await self._conn.execute(_REST, {"since": since})).one()
        return KeptDates(by_target, by_source, by_confidence, *rest)

    async def set_default_target(self, percent: int | None) -> None:
        """See LatenessStore."""
        await self._conn.execute(_DEFAULT, {"percent": percent})

    async def set_target(self, sku: str, percent: int | None) -> bool:
        """See LatenessStore."""
        return bool((await self._conn.execute(_TARGET, {"sku": sku, "percent": percent})).rowcount)

    async def targets_of(self, skus: Collection[str]) -> Mapping[str, int | None]:
        """See LatenessStore."""
        rows = await self._conn.execute(_OF_SKUS, {"skus": list(skus)})
        return {row.sku: row.promise_target for row in rows}

    async def skus_to_judge(self, today: date, limit: int, without: Collection[str]) -> Sequence[str]:
        """See LatenessStore."""
        values = {"today": today, "limit": limit, "without": list(without)}
        return list((await self._conn.execute(_TO_JUDGE, values)).scalars())

    async def note_judged(self, skus: Collection[str], today: date) -> None:
        """See LatenessStore."""
        await self._conn.execute(_JUDGED, {"skus": list(skus), "today": today})

    async def _rows(self, statement: Any, **values: Any) -> Sequence[Any]:
        return (await self._conn.execute(statement, values)).all()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def _array(values: Sequence[float]) -> str:
    return "{" + ",".join(map(repr, values)) + "}"


def _document(safe: Mapping[int, float]) -> str:
    return orjson.dumps({str(target): days for target, days in sorted(safe.items())}).decode()
