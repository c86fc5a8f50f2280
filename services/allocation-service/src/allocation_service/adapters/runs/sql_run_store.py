"""Runs as they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.runs.run_columns import (
    exception_column,
    exception_of,
    left_alone_column,
    left_alone_of,
    progress_column,
    progress_of,
)
from allocation_service.application.runs.run_inputs import Digests
from allocation_service.application.runs.run_records import Known, LineChange, Run, RunLine
from allocation_service.domain.runs.run import Segment
from allocation_service.domain.runs.run_document import segment_document, segment_from
from allocation_service.domain.runs.run_preview import Preview, Previewed
from allocation_service.domain.runs.run_progress import Progress, ProgressCode
from service_kit.persistence.database import copy_rows

_INSERT = text(
    "INSERT INTO run (run_id, name, segments, status, created_by, created_at)"
    " VALUES (:run_id, :name, CAST(:segments AS jsonb), 'planning', :by, :at)"
)
_RUN = (
    "SELECT *, segments::text AS segments_text, summary::text AS summary_text, changes::text AS changes_text FROM run"
)
_STALE = text(
    "UPDATE run SET taken_at = now() WHERE run_id IN (SELECT run_id FROM run WHERE status = 'planning'"
    " AND taken_at < now() - make_interval(secs => :seconds) ORDER BY taken_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " RETURNING run_id"
)
_FORGET = text(
    "DELETE FROM run WHERE run_id = (SELECT run_id FROM run WHERE created_at < :before ORDER BY run_id LIMIT 1)"
)
_PROGRESS = text("UPDATE run SET progress = :progress, taken_at = now() WHERE run_id = :id AND status = 'planning'")
_FAILED = text("UPDATE run SET status = 'failed', progress = :why WHERE run_id = :id AND status = 'planning'")
_PREVIEWED = text(
    "UPDATE run SET status = 'previewed', progress = :progress, as_of = :as_of, digest = :digest,"
    " summary = CAST(:summary AS jsonb), expires_at = :expires WHERE run_id = :id AND status = 'planning'"
)
_CLOSED = text(
    "UPDATE run SET status = :status, closed_by = :by, closed_at = :at, decision_id = :decision,"
    " changes = CAST(:changes AS jsonb) WHERE run_id = :id"
)
_SKUS = text("SELECT sku, stock, promises, demand FROM run_sku WHERE run_id = :id")
_KNOWN = text(
    "SELECT line_id, sku, requested, confirmed FROM run_line"
    " WHERE run_id = :id AND takes_part AND sku = ANY(CAST(:skus AS text[]))"
)
_CHANGES: Mapping[LineChange, str] = {
    "changed": "AND (new <> confirmed OR promise_before IS DISTINCT FROM promise_after)",
    "gains": "AND new > confirmed",
    "losses": "AND new < confirmed",
    "exceptions": "AND exception <> ''",
    "left_alone": "AND note <> ''",
}


def _row(run_id: str, number: int, one: Previewed, takes_part: bool) -> tuple[Any, ...]:
    planned, candidate = one.line, one.line.candidate
    return (
        run_id, number, candidate.line_id, candidate.order_id, candidate.sku, planned.segment, candidate.requested,
        candidate.confirmed_units, planned.new, candidate.unit_value, one.promise_before, one.promise_after,
        exception_column(one.exception), left_alone_column(planned.left_alone), takes_part,
    )  # fmt: skip


_LINE_COLUMNS = (
    "run_id", "position", "line_id", "order_id", "sku", "segment", "requested", "confirmed", "new", "unit_value",
    "promise_before", "promise_after", "exception", "note", "takes_part",
)  # fmt: skip


_SHOWN_COLUMNS = (
    "l.position, l.line_id, l.order_id, o.reference, o.customer_id, o.tier, l.sku, l.segment, l.requested, l.confirmed,"
    " l.new, l.unit_value, l.promise_before, l.promise_after, l.exception, l.note"
)


def _run(row: Any) -> Run:
    return Run(
        run_id=row.run_id,
        name=row.name,
        status=row.status,
        progress=progress_of(row.progress),
        segments=tuple(segment_from(one) for one in orjson.loads(row.segments_text)),
        summary=orjson.loads(row.summary_text) if row.summary_text else None,
        digest=row.digest,
        as_of=row.as_of,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        closed_by=row.closed_by,
        closed_at=row.closed_at,
        decision_id=row.decision_id,
        changes=dict(orjson.loads(row.changes_text)) if row.changes_text else None,
    )


def _line(row: Any) -> RunLine:
    return RunLine(*row)._replace(exception=exception_of(row.exception), left_alone=left_alone_of(row.note))


class SqlRunStore:
    """Implements RunStore on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def insert_run(self, run_id: str, name: str, segments: Sequence[Segment], *, by: str, at: datetime) -> None:
        """See RunStore."""
        document = orjson.dumps([segment_document(one) for one in segments]).decode()
        await self._conn.execute(_INSERT, {"run_id": run_id, "name": name, "segments": document, "by": by, "at": at})

    async def read_run(self, run_id: str, *, lock: bool = False) -> Run | None:
        """See RunStore."""
        statement = text(f"{_RUN} WHERE run_id = :id{' FOR UPDATE' if lock else ''}")
        row = (await self._conn.execute(statement, {"id": run_id})).one_or_none()
        return _run(row) if row else None

    async def list_runs(self, before: str | None, limit: int) -> list[Run]:
        """See RunStore."""
        statement = text(
            f"{_RUN} WHERE CAST(:before AS text) IS NULL OR run_id < :before ORDER BY run_id DESC LIMIT :limit"
        )
        return [_run(row) for row in (await self._conn.execute(statement, {"before": before, "limit": limit})).all()]

    async def take_stale(self, seconds: float) -> str | None:
        """See RunStore."""
        found: str | None = (await self._conn.execute(_STALE, {"seconds": seconds})).scalar_one_or_none()
        return found

    async def forget_runs(self, before: datetime) -> int:
        """See RunStore."""
        gone = await self._conn.execute(_FORGET, {"before": before})
        return int(gone.rowcount)

    async def note_progress(self, run_id: str, progress: Progress) -> None:
        """See RunStore."""
        await self._conn.execute(_PROGRESS, {"id": run_id, "progress": progress_column(progress)})

    async def note_failure(self, run_id: str, why: Progress) -> None:
        """See RunStore."""
        await self._conn.execute(_FAILED, {"id": run_id, "why": progress_column(why)})

    def preview_rows(self, run_id: str, preview: Preview) -> list[tuple[Any, ...]]:
        """See RunStore."""
        takes_part = len(preview.plan.lines)
        return [_row(run_id, number, one, number <= takes_part) for number, one in enumerate(preview.lines, start=1)]

    async def store_preview(
        self,
        run_id: str,
        *,
        as_of: datetime,
        expires: datetime,
        digest: str,
        summary: Mapping[str, Any],
        digests: Mapping[str, Digests],
        left: Mapping[str, int],
        rows: Sequence[tuple[Any, ...]],
    ) -> bool:
        """See RunStore."""
        progress = progress_column(Progress(ProgressCode.DONE))
        values = {"id": run_id, "progress": progress, "as_of": as_of, "expires": expires, "digest": digest}
        done = await self._conn.execute(_PREVIEWED, values | {"summary": orjson.dumps(summary).decode()})
        if not done.rowcount:
            return False
        skus = [(run_id, sku, *one, left.get(sku, 0)) for sku, one in sorted(digests.items())]
        await copy_rows(self._conn, "run_sku", ("run_id", "sku", "stock", "promises", "demand", "left_free"), skus)
        await copy_rows(self._conn, "run_line", _LINE_COLUMNS, rows)
        return True

    async def digests(self, run_id: str) -> dict[str, Digests]:
        """See RunStore."""
        skus = (await self._conn.execute(_SKUS, {"id": run_id})).all()
        return {one.sku: Digests(one.stock, one.promises, one.demand) for one in skus}

    async def known_lines(self, run_id: str, skus: Sequence[str]) -> dict[str, Known]:
        """See RunStore."""
        rows = (await self._conn.execute(_KNOWN, {"id": run_id, "skus": list(skus)})).all()
        return {row.line_id: Known(row.sku, row.requested, row.confirmed) for row in rows}

    async def close_run(
        self,
        run_id: str,
        status: Literal["committed", "refused"],
        by: str,
        at: datetime,
        *,
        decision_id: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """See RunStore."""
        document = orjson.dumps(changes).decode() if changes is not None else None
        values = {"id": run_id, "status": status, "by": by, "at": at, "decision": decision_id, "changes": document}
        await self._conn.execute(_CLOSED, values)

    async def run_lines(self, run_id: str, change: LineChange | None, after: int, limit: int) -> list[RunLine]:
        """See RunStore."""
        which = _CHANGES[change] if change else ""
        statement = text(
            f"SELECT {_SHOWN_COLUMNS} FROM run_line AS l JOIN customer_order AS o USING (order_id)"
            f" WHERE run_id = :id AND position > :after {which} ORDER BY position LIMIT :limit"
        )
        rows = (await self._conn.execute(statement, {"id": run_id, "after": after, "limit": limit})).all()
        return [_line(row) for row in rows]
