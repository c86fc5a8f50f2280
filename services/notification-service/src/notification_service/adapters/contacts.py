"""Contacts in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.application.records import Contact

_COLUMNS = "contact_id, email, locale, time_zone, version, created_at, updated_at"
_PUT = text(
    f"""
    INSERT INTO contact AS c (contact_id, email, locale, time_zone, created_at, updated_at)
    VALUES (:contact_id, :email, :locale, :time_zone, :now, :now)
    ON CONFLICT (contact_id) DO UPDATE
    SET email = EXCLUDED.email, locale = EXCLUDED.locale, time_zone = EXCLUDED.time_zone,
        version = EXCLUDED.version, updated_at = EXCLUDED.updated_at
    RETURNING {_COLUMNS}
    """
)


class SqlContacts:
    """The one table with personal data (messages keep copies, which erasing a contact empties)."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def find(self, contact_id: str, *, lock: bool = False) -> Contact | None:
        """A contact; with ``lock`` nobody else changes it meanwhile."""
        statement = f"SELECT {_COLUMNS} FROM contact WHERE contact_id = :contact_id" + (" FOR UPDATE" if lock else "")
        row = (await self._conn.execute(text(statement), {"contact_id": contact_id})).one_or_none()
        return Contact(**row._mapping) if row else None

    async def put(self, contact_id: str, email: str, locale: str, time_zone: str, now: datetime) -> Contact:
        """Create or replace it, with a new version."""
        values = {"contact_id": contact_id, "email": email, "locale": locale, "time_zone": time_zone, "now": now}
        return Contact(**(await self._conn.execute(_PUT, values)).one()._mapping)

    async def delete(self, contact_id: str) -> None:
        """Remove it for good."""
        await self._conn.execute(text("DELETE FROM contact WHERE contact_id = :id"), {"id": contact_id})

    async def known(self, contact_ids: Collection[str], *, lock: bool = False) -> set[str]:
        """Which of them exist."""
        statement = "SELECT contact_id FROM contact WHERE contact_id = ANY(CAST(:ids AS text[]))"
        if lock:
            statement += " ORDER BY contact_id FOR SHARE"
        return set((await self._conn.execute(text(statement), {"ids": list(contact_ids)})).scalars())
