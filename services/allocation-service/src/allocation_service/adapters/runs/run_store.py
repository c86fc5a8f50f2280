"""Runs and pins as they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.runs.commit_run import Known, StoredRun
from allocation_service.application.runs.run_inputs import Digests
from allocation_service.domain.runs.run import Segment
from allocation_service.domain.runs.run_document import segment_document, segment_from
from allocation_service.domain.runs.run_preview import Preview, Previewed
from service_kit.persistence.database import copy_rows

Change = Literal["changed", "gains", "losses", "exceptions", "left_alone"]

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
    "UPDATE run SET status = 'previewed', progress = 'done', as_of = :as_of, digest = :digest,"
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
_CHANGES: Mapping[Change, str] = {
    "changed": "AND (new <> confirmed OR promise_before IS DISTINCT FROM promise_after)",
    "gains": "AND new > confirmed",
    "losses": "AND new < confirmed",
    "exceptions": "AND exception <> ''",
    "left_alone": "AND note <> ''",
}


async def insert_run(
    conn: AsyncConnection, run_id: str, name: str, segments: Sequence[Segment], *, by: str, at: datetime
) -> None:
    """Store a run that is to be planned."""
    document = orjson.dumps([segment_document(one) for one in segments]).decode()
    await conn.execute(_INSERT, {"run_id": run_id, "name": name, "segments": document, "by": by, "at": at})


async def read_run(conn: AsyncConnection, run_id: str, *, lock: bool = False) -> Any | None:
    """The row of a run; its documents are texts."""
    statement = text(f"{_RUN} WHERE run_id = :id{' FOR UPDATE' if lock else ''}")
    return (await conn.execute(statement, {"id": run_id})).one_or_none()


async def list_runs(conn: AsyncConnection, before: str | None, limit: int) -> Sequence[Any]:
    """Rows of runs, the newest first."""
    statement = text(
        f"{_RUN} WHERE CAST(:before AS text) IS NULL OR run_id < :before ORDER BY run_id DESC LIMIT :limit"
    )
    return (await conn.execute(statement, {"before": before, "limit": limit})).all()


def segments_of(row: Any) -> tuple[Segment, ...]:
    """The segments of a run."""
    return tuple(segment_from(one) for one in orjson.loads(row.segments_text))


def changes_of(row: Any) -> dict[str, Any] | None:
    """Why a run was refused."""
    return dict(orjson.loads(row.changes_text)) if row.changes_text else None


async def take_stale(conn: AsyncConnection, seconds: float) -> str | None:
    """A run whose planning nobody has been seen to work at for so long."""
    found: str | None = (await conn.execute(_STALE, {"seconds": seconds})).scalar_one_or_none()
    return found


async def forget_runs(conn: AsyncConnection, before: datetime) -> int:
    """Delete the oldest run made before then, with its lines; 0 where there is none."""
    gone = await conn.execute(_FORGET, {"before": before})
    return int(gone.rowcount)


async def note_progress(conn: AsyncConnection, run_id: str, progress: str) -> None:
    """Say how far its planning is."""
    await conn.execute(_PROGRESS, {"id": run_id, "progress": progress})


async def note_failure(conn: AsyncConnection, run_id: str, why: str) -> None:
    """The run cannot be planned."""
    await conn.execute(_FAILED, {"id": run_id, "why": why})


def rows_of(run_id: str, preview: Preview) -> list[tuple[Any, ...]]:
    """The rows of a preview's lines."""
    takes_part = len(preview.plan.lines)
    return [_row(run_id, number, one, number <= takes_part) for number, one in enumerate(preview.lines, start=1)]


def _row(run_id: str, number: int, one: Previewed, takes_part: bool) -> tuple[Any, ...]:
    planned, candidate = one.line, one.line.candidate
    return (
        run_id, number, candidate.line_id, candidate.order_id, candidate.sku, planned.segment, candidate.requested,
        candidate.confirmed_units, planned.new, candidate.unit_value, one.promise_before, one.promise_after,
        one.exception, planned.note, takes_part,
    )  # fmt: skip


_LINE_COLUMNS = (
    "run_id", "position", "line_id", "order_id", "sku", "segment", "requested", "confirmed", "new", "unit_value",
    "promise_before", "promise_after", "exception", "note", "takes_part",
)  # fmt: skip


async def store_preview(
    conn: AsyncConnection,
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
    """Store what a run would do; False where somebody else has done so already."""
    values = {"id": run_id, "as_of": as_of, "expires": expires, "digest": digest}
    done = await conn.execute(_PREVIEWED, values | {"summary": orjson.dumps(summary).decode()})
    if not done.rowcount:
        return False
    skus = [(run_id, sku, *one, left.get(sku, 0)) for sku, one in sorted(digests.items())]
    await copy_rows(conn, "run_sku", ("run_id", "sku", "stock", "promises", "demand", "left_free"), skus)
    await copy_rows(conn, "run_line", _LINE_COLUMNS, rows)
    return True


async def stored_run(conn: AsyncConnection, row: Any) -> StoredRun:
    """What a commit needs of a previewed run."""
    skus = (await conn.execute(_SKUS, {"id": row.run_id})).all()
    digests = {one.sku: Digests(one.stock, one.promises, one.demand) for one in skus}
    return StoredRun(row.run_id, segments_of(row), row.as_of, digests)


async def known_lines(conn: AsyncConnection, run_id: str, skus: Sequence[str]) -> dict[str, Known]:
    """Lines of these SKUs that took part in the preview."""
    rows = (await conn.execute(_KNOWN, {"id": run_id, "skus": list(skus)})).all()
    return {row.line_id: Known(row.sku, row.requested, row.confirmed) for row in rows}


async def close_run(
    conn: AsyncConnection,
    run_id: str,
    status: Literal["committed", "refused"],
    by: str,
    at: datetime,
    *,
    decision_id: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Note that a run was committed, or refused and why."""
    document = orjson.dumps(changes).decode() if changes is not None else None
    values = {"id": run_id, "status": status, "by": by, "at": at, "decision": decision_id, "changes": document}
    await conn.execute(_CLOSED, values)


async def run_lines(conn: AsyncConnection, run_id: str, change: Change | None, after: int, limit: int) -> Sequence[Any]:
    """Lines of a run as they were served, those left alone last, each with what is known of its order now."""
    which = _CHANGES[change] if change else ""
    statement = text(
        "SELECT l.*, o.reference, o.customer_id, o.tier FROM run_line AS l JOIN customer_order AS o USING (order_id)"
        f" WHERE run_id = :id AND position > :after {which} ORDER BY position LIMIT :limit"
    )
    return (await conn.execute(statement, {"id": run_id, "after": after, "limit": limit})).all()


_PIN = text(
    "INSERT INTO pinned_line (line_id, reason, pinned_by, pinned_at) SELECT line_id, :reason, :by, :at FROM demand"
    " WHERE line_id = :id ON CONFLICT (line_id) DO UPDATE SET reason = excluded.reason,"
    " pinned_by = excluded.pinned_by, pinned_at = excluded.pinned_at RETURNING *"
)


async def pin(conn: AsyncConnection, line_id: str, reason: str, by: str, at: datetime) -> Any | None:
    """Keep runs from moving a line; None where there is no such line."""
    return (await conn.execute(_PIN, {"id": line_id, "reason": reason, "by": by, "at": at})).one_or_none()


async def unpin(conn: AsyncConnection, line_id: str) -> bool:
    """Let runs move a line again; False where it was not pinned."""
    gone = await conn.execute(text("DELETE FROM pinned_line WHERE line_id = :id"), {"id": line_id})
    return bool(gone.rowcount)


async def read_pin(conn: AsyncConnection, line_id: str) -> Any | None:
    """Who pinned a line, when and why."""
    statement = text("SELECT * FROM pinned_line WHERE line_id = :id")
    return (await conn.execute(statement, {"id": line_id})).one_or_none()
