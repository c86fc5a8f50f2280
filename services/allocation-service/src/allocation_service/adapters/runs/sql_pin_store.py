"""Pins as they are stored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.runs.run_records import Pin

_COLUMNS = "line_id, reason, pinned_by, pinned_at"
_PIN = text(
    "INSERT INTO pinned_line (line_id, reason, pinned_by, pinned_at) SELECT line_id, :reason, :by, :at FROM demand"
    " WHERE line_id = :id ON CONFLICT (line_id) DO UPDATE SET reason = excluded.reason,"
    " pinned_by = excluded.pinned_by, pinned_at = excluded.pinned_at RETURNING " + _COLUMNS
)


class SqlPinStore:
    """Implements PinStore on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def pin(self, line_id: str, reason: str, by: str, at: datetime) -> Pin | None:
        """See PinStore."""
        row = (await self._conn.execute(_PIN, {"id": line_id, "reason": reason, "by": by, "at": at})).one_or_none()
        return Pin(*row) if row else None

    async def unpin(self, line_id: str) -> bool:
        """See PinStore."""
        gone = await self._conn.execute(text("DELETE FROM pinned_line WHERE line_id = :id"), {"id": line_id})
        return bool(gone.rowcount)

    async def read_pin(self, line_id: str) -> Pin | None:
        """See PinStore."""
        statement = text(f"SELECT {_COLUMNS} FROM pinned_line WHERE line_id = :id")
        row = (await self._conn.execute(statement, {"id": line_id})).one_or_none()
        return Pin(*row) if row else None
