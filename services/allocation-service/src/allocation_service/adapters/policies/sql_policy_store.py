"""Policies as they are stored: a row to lock for each, its versions, and who follows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.store.policies_in_force import policy_of
from allocation_service.application.policies.policy_choice import Choice
from allocation_service.application.policies.policy_records import Listed, Version, Window

_COLUMNS = (
    "name, version, document::text AS document, status, note, created_at, created_by, activated_at, activated_by,"
    " retired_at, retired_by, valid_from, valid_until"
)


class SqlPolicyStore:
    """Implements PolicyStore on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def read_revision(self, name: str, *, lock: bool = False) -> int | None:
        """See PolicyStore."""
        statement = text("SELECT revision FROM policy WHERE name = :name" + (" FOR UPDATE" if lock else ""))
        found: int | None = (await self._conn.execute(statement, {"name": name})).scalar()
        return found

    async def read_versions(
        self, name: str, *, retired: bool = False, before: int | None = None, limit: int = 1000
    ) -> list[Version]:
        """See PolicyStore."""
        statement = text(
            f"SELECT {_COLUMNS} FROM policy_version WHERE name = :name"
            " AND (:retired OR status <> 'retired') AND version < :before ORDER BY version DESC LIMIT :limit"
        )
        values = {"name": name, "retired": retired, "before": before or 2**31 - 1, "limit": limit}
        return [Version(*row) for row in (await self._conn.execute(statement, values)).all()]

    async def list_policies(self, after: str, limit: int) -> list[Listed]:
        """See PolicyStore."""
        names = text("SELECT name, revision FROM policy WHERE name > :after ORDER BY name LIMIT :limit")
        found = {
            row.name: row.revision for row in (await self._conn.execute(names, {"after": after, "limit": limit})).all()
        }
        statement = text(
            f"SELECT {_COLUMNS} FROM policy_version"
            " WHERE name = ANY(CAST(:names AS text[])) AND status <> 'retired' ORDER BY version DESC"
        )
        versions: dict[str, list[Version]] = {name: [] for name in found}
        for row in (await self._conn.execute(statement, {"names": list(found)})).all():
            versions[row.name].append(Version(*row))
        return [Listed(name, revision, versions[name]) for name, revision in found.items()]

    async def create_policy(self, name: str) -> bool:
        """See PolicyStore."""
        made = await self._conn.execute(
            text("INSERT INTO policy (name) VALUES (:name) ON CONFLICT DO NOTHING"), {"name": name}
        )
        return bool(made.rowcount)

    async def write_draft(self, name: str, document: Mapping[str, Any], note: str, by: str) -> None:
        """See PolicyStore."""
        statement = text(
            "INSERT INTO policy_version (name, version, document, status, note, created_by)"
            " SELECT :name, coalesce(max(version) FILTER (WHERE status <> 'draft'), 0) + 1, CAST(:document AS jsonb),"
            " 'draft', :note, :by FROM policy_version WHERE name = :name"
            " ON CONFLICT (name, version) DO UPDATE SET document = excluded.document, note = excluded.note,"
            " created_at = now(), created_by = excluded.created_by"
        )
        values = {"name": name, "document": orjson.dumps(document).decode(), "note": note, "by": by}
        await self._conn.execute(statement, values)

    async def drop_draft(self, name: str) -> bool:
        """See PolicyStore."""
        gone = await self._conn.execute(
            text("DELETE FROM policy_version WHERE name = :name AND status = 'draft'"), {"name": name}
        )
        return bool(gone.rowcount)

    async def activate(self, draft: Version, window: Window, note: str | None, by: str) -> None:
        """See PolicyStore."""
        if window == Window():
            await self._conn.execute(
                text(
                    "UPDATE policy_version SET status = 'retired', retired_at = now(), retired_by = :by"
                    " WHERE name = :name AND status = 'active' AND valid_until IS NULL"
                ),
                {"name": draft.name, "by": by},
            )
        await self._conn.execute(
            text(
                "UPDATE policy_version SET status = 'active', activated_at = now(), activated_by = :by,"
                " note = coalesce(:note, note), valid_from = :from, valid_until = :until, begun = :begun"
                " WHERE name = :name AND version = :version"
            ),
            {
                "name": draft.name, "version": draft.version, "by": by, "note": note, "from": window.valid_from,
                "until": window.valid_until, "begun": window.valid_from is None,
            },
        )  # fmt: skip

    async def write_active(self, name: str, document: Mapping[str, Any], by: str) -> Version:
        """See PolicyStore."""
        draft = (await self.read_versions(name, retired=True, limit=1))[:1]
        if draft and draft[0].status == "draft":
            await self._conn.execute(
                text("UPDATE policy_version SET version = version + 1 WHERE name = :name AND status = 'draft'"),
                {"name": name},
            )
            free = draft[0].version
        else:
            free = draft[0].version + 1 if draft else 1
        values = {"name": name, "version": free, "document": orjson.dumps(document).decode(), "by": by}
        row = await self._conn.execute(
            text(
                "INSERT INTO policy_version"
                " (name, version, document, status, created_by, activated_at, activated_by, begun)"
                " VALUES (:name, :version, CAST(:document AS jsonb), 'active', :by, now(), :by, true)"
                f" RETURNING {_COLUMNS}"
            ),
            values,
        )
        return Version(*row.one())

    async def retire(self, name: str, version: int | None, by: str) -> None:
        """See PolicyStore."""
        await self._conn.execute(
            text(
                "UPDATE policy_version SET status = 'retired', retired_at = now(), retired_by = :by"
                " WHERE name = :name AND status = 'active' AND (CAST(:version AS int) IS NULL OR version = :version)"
            ),
            {"name": name, "version": version, "by": by},
        )

    async def raise_revision(self, name: str) -> int:
        """See PolicyStore."""
        statement = text("UPDATE policy SET revision = revision + 1 WHERE name = :name RETURNING revision")
        found: int = (await self._conn.execute(statement, {"name": name})).scalar_one()
        return found

    async def choice(self, sku: str, category: str | None, now: datetime) -> Choice:
        """See PolicyStore."""
        return await policy_of(self._conn, sku, category, now)
