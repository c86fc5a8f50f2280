"""Simulations as they are stored: asked for, run by one process at a time, done or failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

KEPT_DAYS = 90
_SILENT_SECONDS = 30
_COLUMNS = "simulation_id, request, status, worlds_done, worlds, rows, error, created_at, started_at, finished_at"


class Simulation(NamedTuple):
    """A simulation; ``rows`` once it is done, ``error`` once it has failed."""

    simulation_id: str
    request: Mapping[str, Any]
    status: str
    worlds_done: int
    worlds: int
    rows: Sequence[Mapping[str, Any]] | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


async def enqueue(conn: AsyncConnection, simulation_id: str, request: Mapping[str, Any], worlds: int) -> None:
    """Store what was asked for."""
    statement = text(
        "INSERT INTO simulation (simulation_id, request, status, worlds)"
        " VALUES (:id, CAST(:request AS jsonb), 'queued', :worlds)"
    )
    await conn.execute(statement, {"id": simulation_id, "request": orjson.dumps(request).decode(), "worlds": worlds})


async def waiting(conn: AsyncConnection) -> int:
    """How many are not finished yet."""
    statement = text("SELECT count(*) FROM simulation WHERE status IN ('queued', 'running')")
    return int((await conn.execute(statement)).scalar_one())


async def find(conn: AsyncConnection, simulation_id: str) -> Simulation | None:
    """One simulation, or None."""
    statement = text(f"SELECT {_COLUMNS} FROM simulation WHERE simulation_id = :id")
    row = (await conn.execute(statement, {"id": simulation_id})).one_or_none()
    return Simulation(*row) if row else None


async def page(conn: AsyncConnection, before: str | None, limit: int) -> list[Simulation]:
    """The newest first; ``before`` is the last one already seen."""
    statement = text(
        f"SELECT {_COLUMNS} FROM simulation WHERE CAST(:before AS text) IS NULL OR simulation_id < :before"
        " ORDER BY simulation_id DESC LIMIT :limit"
    )
    return [Simulation(*row) for row in (await conn.execute(statement, {"before": before, "limit": limit})).all()]


async def claim_next(conn: AsyncConnection) -> Simulation | None:
    """Take the oldest that waits; no other process takes it too."""
    statement = text(
        "UPDATE simulation SET status = 'running', started_at = now(), heartbeat_at = now() WHERE simulation_id = ("
        "SELECT simulation_id FROM simulation WHERE status = 'queued' ORDER BY simulation_id LIMIT 1"
        f" FOR UPDATE SKIP LOCKED) RETURNING {_COLUMNS}"
    )
    row = (await conn.execute(statement)).one_or_none()
    return Simulation(*row) if row else None


async def beat(conn: AsyncConnection, simulation_id: str, worlds_done: int) -> None:
    """Tell that it is being worked on, and how far it is."""
    statement = text(
        "UPDATE simulation SET worlds_done = :done, heartbeat_at = now()"
        " WHERE simulation_id = :id AND status = 'running'"
    )
    await conn.execute(statement, {"id": simulation_id, "done": worlds_done})


async def finish(conn: AsyncConnection, simulation_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the figures."""
    statement = text(
        "UPDATE simulation SET status = 'done', worlds_done = worlds, rows = CAST(:rows AS jsonb), finished_at = now()"
        " WHERE simulation_id = :id AND status = 'running'"
    )
    await conn.execute(statement, {"id": simulation_id, "rows": orjson.dumps(rows).decode()})


async def fail(conn: AsyncConnection, simulation_id: str, error: str) -> None:
    """Tell why there are no figures."""
    statement = text(
        "UPDATE simulation SET status = 'failed', error = :error, finished_at = now()"
        " WHERE simulation_id = :id AND status = 'running'"
    )
    await conn.execute(statement, {"id": simulation_id, "error": error})


async def fail_silent(conn: AsyncConnection) -> list[str]:
    """Mark as failed what runs by its row but gives no sign of life: its process died with all it knew."""
    statement = text(
        "UPDATE simulation SET status = 'failed', error = 'The process that ran it died.', finished_at = now()"
        " WHERE status = 'running' AND heartbeat_at < now() - make_interval(secs => :seconds) RETURNING simulation_id"
    )
    return list((await conn.execute(statement, {"seconds": _SILENT_SECONDS})).scalars())


async def forget_old(conn: AsyncConnection) -> None:
    """Drop what was finished long ago."""
    statement = text("DELETE FROM simulation WHERE finished_at < now() - make_interval(days => :days)")
    await conn.execute(statement, {"days": KEPT_DAYS})
