"""Contacts in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.domain.contacts import Contact

CONTACT_COLUMNS = "contact_id, email, locale, time_zone, version, created_at, updated_at"
_PUT = text(
    f"""
    INSERT INTO contact AS c (contact_id, email, locale, time_zone, created_at, updated_at)
    VALUES (:contact_id, :email, :locale, :time_zone, :now, :now)
    ON CONFLICT (contact_id) DO UPDATE
    SET email = EXCLUDED.email, locale = EXCLUDED.locale, time_zone = EXCLUDED.time_zone,
        version = EXCLUDED.version, updated_at = EXCLUDED.updated_at
    RETURNING {CONTACT_COLUMNS}
    """
)
_LOCK = text(f"SELECT {CONTACT_COLUMNS} FROM contact WHERE contact_id = :contact_id FOR UPDATE")
_DELETE = text("DELETE FROM contact WHERE contact_id = :contact_id")
_KNOWN = text("SELECT contact_id FROM contact WHERE contact_id = ANY(CAST(:ids AS text[]))")
_LOCK_KNOWN = text(
    "SELECT contact_id FROM contact WHERE contact_id = ANY(CAST(:ids AS text[])) ORDER BY contact_id FOR SHARE"
)


class SqlContactStore:
    """The one table with personal data; notifications keep copies, which erasing a contact removes."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def lock(self, contact_id: str) -> Contact | None:
        """See ContactStore."""
        row = (await self._conn.execute(_LOCK, {"contact_id": contact_id})).one_or_none()
        return Contact(**row._mapping) if row else None

    async def put(self, contact_id: str, email: str, locale: str, time_zone: str, now: datetime) -> Contact:
        """See ContactStore. The version comes from a sequence that all contacts share."""
        values = {"contact_id": contact_id, "email": email, "locale": locale, "time_zone": time_zone, "now": now}
        return Contact(**(await self._conn.execute(_PUT, values)).one()._mapping)

    async def delete(self, contact_id: str) -> None:
        """See ContactStore."""
        await self._conn.execute(_DELETE, {"contact_id": contact_id})

    async def known(self, contact_ids: Collection[str]) -> set[str]:
        """See ContactStore."""
        return set((await self._conn.execute(_KNOWN, {"ids": list(contact_ids)})).scalars())

    async def lock_known(self, contact_ids: Collection[str]) -> set[str]:
        """See ContactStore."""
        return set((await self._conn.execute(_LOCK_KNOWN, {"ids": list(contact_ids)})).scalars())
