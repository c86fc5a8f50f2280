"""Policies as they are stored: one row a name; a dropped one keeps its version."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.reads import POLICY_PREFIX
from allocation_service.domain.policy import Policy, Sort


class StoredPolicy(NamedTuple):
    """A policy and whether it was dropped; its version goes on counting where it comes back."""

    policy: Policy
    dropped: bool


async def stored_policy(conn: AsyncConnection, name: str, *, lock: bool = False) -> StoredPolicy | None:
    """What is stored under ``default`` or a SKU, dropped or not."""
    statement = text(
        "SELECT name, version, sort, protect_promises, dropped FROM allocation_policy WHERE name = :name"
        + (" FOR UPDATE" if lock else "")
    )
    row = (await conn.execute(statement, {"name": stored_name(name)})).one_or_none()
    return StoredPolicy(_policy(row), row.dropped) if row else None


async def read_policy(conn: AsyncConnection, name: str) -> Policy | None:
    """The policy of ``default`` or a SKU; None where it has none of its own."""
    found = await stored_policy(conn, name)
    return None if found is None or found.dropped else found.policy


async def list_policies(conn: AsyncConnection, after: str | None, limit: int) -> list[Policy]:
    """The default, then the SKUs that have a policy of their own, by name; ``after`` is a stored name."""
    statement = text(
        "SELECT name, version, sort, protect_promises FROM allocation_policy"
        " WHERE NOT dropped AND name > :after ORDER BY name LIMIT :limit"
    )
    return [_policy(row) for row in (await conn.execute(statement, {"after": after or "", "limit": limit})).all()]


async def write_policy(conn: AsyncConnection, name: str, policy: Policy) -> None:
    """Store a policy's next version; only decisions made after it see it."""
    statement = text(
        "INSERT INTO allocation_policy (name, version, sort, protect_promises)"
        " VALUES (:name, :version, :sort, :protect) ON CONFLICT (name) DO UPDATE SET"
        " version = excluded.version, sort = excluded.sort, protect_promises = excluded.protect_promises,"
        " dropped = false, updated_at = now()"
    )
    values = {"name": stored_name(name), "version": policy.version, "sort": policy.sort.value}
    await conn.execute(statement, values | {"protect": policy.protect_promises})


async def drop_policy(conn: AsyncConnection, name: str) -> None:
    """Let decisions about the SKU follow the default from now on."""
    statement = text("UPDATE allocation_policy SET dropped = true, updated_at = now() WHERE name = :name")
    await conn.execute(statement, {"name": stored_name(name)})


def stored_name(name: str) -> str:
    """``default``, or the SKU behind a prefix."""
    return name if name == "default" else POLICY_PREFIX + name


def shown_name(stored: str) -> str:
    """The name that ``stored_name`` stored."""
    return stored.removeprefix(POLICY_PREFIX)


def _policy(row: Any) -> Policy:
    return Policy(row.name, row.version, Sort(row.sort), row.protect_promises)
