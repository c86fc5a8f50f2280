"""Policies as they are stored: a row to lock for each, its versions, and who follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.store.policies_in_force import parsed
from allocation_service.application.policies.policy_choice import AssignedPolicy, in_force
from allocation_service.domain.policies.policy import Policy

_COLUMNS = (
    "name, version, document::text AS document, status, note, created_at, created_by, activated_at, activated_by,"
    " retired_at, retired_by, valid_from, valid_until"
)


class Window(NamedTuple):
    """When a version is in force, in business time: from, until just before; None is without that end."""

    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def shared(self, other: Window) -> Window | None:
        """When both are open; None where they never are at once."""
        begin = max((one.valid_from for one in (self, other) if one.valid_from is not None), default=None)
        end = min((one.valid_until for one in (self, other) if one.valid_until is not None), default=None)
        return None if begin is not None and end is not None and begin >= end else Window(begin, end)


class Version(NamedTuple):
    """A version of a policy; ``status`` is draft, active or retired. ``created`` is a draft's last change."""

    name: str
    version: int
    document: str
    status: str
    note: str
    created_at: datetime
    created_by: str
    activated_at: datetime | None
    activated_by: str | None
    retired_at: datetime | None
    retired_by: str | None
    valid_from: datetime | None
    valid_until: datetime | None

    @property
    def policy(self) -> Policy:
        """What it says."""
        return parsed(self.name, self.version, self.document)

    @property
    def content(self) -> dict[str, Any]:
        """Its document."""
        found: dict[str, Any] = orjson.loads(self.document)
        return found

    @property
    def window(self) -> Window:
        """When it is in force."""
        return Window(self.valid_from, self.valid_until)

    def ended(self, now: datetime) -> bool:
        """Its window is over."""
        return self.valid_until is not None and self.valid_until <= now


class Listed(NamedTuple):
    """A policy among others, with all of its active versions and its draft."""

    name: str
    revision: int
    versions: Sequence[Version]


def version_in_force(versions: Sequence[Version], now: datetime) -> Version | None:
    """The version of one policy that decides now."""
    active = {one.version: one for one in versions if one.status == "active"}
    found = in_force([AssignedPolicy(one.policy, *one.window) for one in active.values()], now)
    return active[found.version] if found else None


# -- reading --------------------------------------------------------------------------------------


async def read_revision(conn: AsyncConnection, name: str, *, lock: bool = False) -> int | None:
    """The revision of a policy, which every change of it raises; None where there is none."""
    statement = text("SELECT revision FROM policy WHERE name = :name" + (" FOR UPDATE" if lock else ""))
    found: int | None = (await conn.execute(statement, {"name": name})).scalar()
    return found


async def read_versions(
    conn: AsyncConnection, name: str, *, retired: bool = False, before: int | None = None, limit: int = 1000
) -> list[Version]:
    """Versions of a policy, the newest first: drafts and active ones, with the ``retired`` all."""
    statement = text(
        f"SELECT {_COLUMNS} FROM policy_version WHERE name = :name"
        " AND (:retired OR status <> 'retired') AND version < :before ORDER BY version DESC LIMIT :limit"
    )
    values = {"name": name, "retired": retired, "before": before or 2**31 - 1, "limit": limit}
    return [Version(*row) for row in (await conn.execute(statement, values)).all()]


async def list_policies(conn: AsyncConnection, after: str, limit: int) -> list[Listed]:
    """Policies by name."""
    names = text("SELECT name, revision FROM policy WHERE name > :after ORDER BY name LIMIT :limit")
    found = {row.name: row.revision for row in (await conn.execute(names, {"after": after, "limit": limit})).all()}
    statement = text(
        f"SELECT {_COLUMNS} FROM policy_version"
        " WHERE name = ANY(CAST(:names AS text[])) AND status <> 'retired' ORDER BY version DESC"
    )
    versions: dict[str, list[Version]] = {name: [] for name in found}
    for row in (await conn.execute(statement, {"names": list(found)})).all():
        versions[row.name].append(Version(*row))
    return [Listed(name, revision, versions[name]) for name, revision in found.items()]


# -- changing: call with the policy's row locked --------------------------------------------------


async def create_policy(conn: AsyncConnection, name: str) -> bool:
    """Make a policy without versions; False where there is one of that name."""
    made = await conn.execute(text("INSERT INTO policy (name) VALUES (:name) ON CONFLICT DO NOTHING"), {"name": name})
    return bool(made.rowcount)


async def write_draft(conn: AsyncConnection, name: str, document: Mapping[str, Any], note: str, by: str) -> None:
    """Make the draft of a policy, or replace the one there is."""
    statement = text(
        "INSERT INTO policy_version (name, version, document, status, note, created_by)"
        " SELECT :name, coalesce(max(version) FILTER (WHERE status <> 'draft'), 0) + 1, CAST(:document AS jsonb),"
        " 'draft', :note, :by FROM policy_version WHERE name = :name"
        " ON CONFLICT (name, version) DO UPDATE SET document = excluded.document, note = excluded.note,"
        " created_at = now(), created_by = excluded.created_by"
    )
    values = {"name": name, "document": orjson.dumps(document).decode(), "note": note, "by": by}
    await conn.execute(statement, values)


async def drop_draft(conn: AsyncConnection, name: str) -> bool:
    """Throw the draft away; False where there is none."""
    gone = await conn.execute(
        text("DELETE FROM policy_version WHERE name = :name AND status = 'draft'"), {"name": name}
    )
    return bool(gone.rowcount)


async def activate(conn: AsyncConnection, draft: Version, window: Window, note: str | None, by: str) -> None:
    """Put a draft in force. One that is in force at once and without end retires all others without end."""
    if window == Window():
        await conn.execute(
            text(
                "UPDATE policy_version SET status = 'retired', retired_at = now(), retired_by = :by"
                " WHERE name = :name AND status = 'active' AND valid_until IS NULL"
            ),
            {"name": draft.name, "by": by},
        )
    await conn.execute(
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


async def write_active(conn: AsyncConnection, name: str, document: Mapping[str, Any], by: str) -> Version:
    """A new version that is in force at once, past the draft, which stays one; for a policy whose other
    versions have been retired."""
    draft = (await read_versions(conn, name, retired=True, limit=1))[:1]
    if draft and draft[0].status == "draft":
        await conn.execute(
            text("UPDATE policy_version SET version = version + 1 WHERE name = :name AND status = 'draft'"),
            {"name": name},
        )
        free = draft[0].version
    else:
        free = draft[0].version + 1 if draft else 1
    values = {"name": name, "version": free, "document": orjson.dumps(document).decode(), "by": by}
    row = await conn.execute(
        text(
            "INSERT INTO policy_version"
            " (name, version, document, status, created_by, activated_at, activated_by, begun)"
            " VALUES (:name, :version, CAST(:document AS jsonb), 'active', :by, now(), :by, true)"
            f" RETURNING {_COLUMNS}"
        ),
        values,
    )
    return Version(*row.one())


async def retire(conn: AsyncConnection, name: str, version: int | None, by: str) -> None:
    """Take an active version (None: all of them) out of force."""
    await conn.execute(
        text(
            "UPDATE policy_version SET status = 'retired', retired_at = now(), retired_by = :by"
            " WHERE name = :name AND status = 'active' AND (CAST(:version AS int) IS NULL OR version = :version)"
        ),
        {"name": name, "version": version, "by": by},
    )


async def raise_revision(conn: AsyncConnection, name: str) -> int:
    """Count a change of a policy; its new revision."""
    statement = text("UPDATE policy SET revision = revision + 1 WHERE name = :name RETURNING revision")
    found: int = (await conn.execute(statement, {"name": name})).scalar_one()
    return found
