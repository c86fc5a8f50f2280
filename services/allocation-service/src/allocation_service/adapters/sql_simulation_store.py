"""Simulations as they are stored: asked for, run by one process at a time, done or failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.simulations.simulation_records import KEPT_DAYS, Simulation

_SILENT_SECONDS = 30
_COLUMNS = "simulation_id, request, status, worlds_done, worlds, rows, error, created_at, started_at, finished_at"


class SqlSimulationStore:
    """Implements SimulationStore on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def enqueue(self, simulation_id: str, request: Mapping[str, Any], worlds: int) -> None:
        """See SimulationStore."""
        statement = text(
            "INSERT INTO simulation (simulation_id, request, status, worlds)"
            " VALUES (:id, CAST(:request AS jsonb), 'queued', :worlds)"
        )
        await self._conn.execute(
            statement, {"id": simulation_id, "request": orjson.dumps(request).decode(), "worlds": worlds}
        )

    async def waiting(self) -> int:
        """See SimulationStore."""
        statement = text("SELECT count(*) FROM simulation WHERE status IN ('queued', 'running')")
        return int((await self._conn.execute(statement)).scalar_one())

    async def find(self, simulation_id: str) -> Simulation | None:
        """See SimulationStore."""
        statement = text(f"SELECT {_COLUMNS} FROM simulation WHERE simulation_id = :id")
        row = (await self._conn.execute(statement, {"id": simulation_id})).one_or_none()
        return Simulation(*row) if row else None

    async def page(self, before: str | None, limit: int) -> list[Simulation]:
        """See SimulationStore."""
        statement = text(
            f"SELECT {_COLUMNS} FROM simulation WHERE CAST(:before AS text) IS NULL OR simulation_id < :before"
            " ORDER BY simulation_id DESC LIMIT :limit"
        )
        return [
            Simulation(*row) for row in (await self._conn.execute(statement, {"before": before, "limit": limit})).all()
        ]

    async def claim_next(self) -> Simulation | None:
        """See SimulationStore."""
        statement = text(
            "UPDATE simulation SET status = 'running', started_at = now(), heartbeat_at = now() WHERE simulation_id = ("
            "SELECT simulation_id FROM simulation WHERE status = 'queued' ORDER BY simulation_id LIMIT 1"
            f" FOR UPDATE SKIP LOCKED) RETURNING {_COLUMNS}"
        )
        row = (await self._conn.execute(statement)).one_or_none()
        return Simulation(*row) if row else None

    async def beat(self, simulation_id: str, worlds_done: int) -> None:
        """See SimulationStore."""
        statement = text(
            "UPDATE simulation SET worlds_done = :done, heartbeat_at = now()"
            " WHERE simulation_id = :id AND status = 'running'"
        )
        await self._conn.execute(statement, {"id": simulation_id, "done": worlds_done})

    async def finish(self, simulation_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """See SimulationStore."""
        statement = text(
            "UPDATE simulation SET status = 'done', worlds_done = worlds, rows = CAST(:rows AS jsonb),"
            " finished_at = now() WHERE simulation_id = :id AND status = 'running'"
        )
        await self._conn.execute(statement, {"id": simulation_id, "rows": orjson.dumps(rows).decode()})

    async def fail(self, simulation_id: str, error: str) -> None:
        """See SimulationStore."""
        statement = text(
            "UPDATE simulation SET status = 'failed', error = :error, finished_at = now()"
            " WHERE simulation_id = :id AND status = 'running'"
        )
        await self._conn.execute(statement, {"id": simulation_id, "error": error})

    async def fail_silent(self) -> list[str]:
        """See SimulationStore."""
        statement = text(
            "UPDATE simulation SET status = 'failed', error = 'The process that ran it died.', finished_at = now()"
            " WHERE status = 'running' AND heartbeat_at < now() - make_interval(secs => :seconds)"
            " RETURNING simulation_id"
        )
        return list((await self._conn.execute(statement, {"seconds": _SILENT_SECONDS})).scalars())

    async def forget_old(self) -> None:
        """See SimulationStore."""
        statement = text("DELETE FROM simulation WHERE finished_at < now() - make_interval(days => :days)")
        await self._conn.execute(statement, {"days": KEPT_DAYS})
