"""A running system's policies decide after the migration as before it."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy import pool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from allocation_service.adapters.policies.sql_policy_assignment_store import SqlPolicyAssignmentStore
from allocation_service.adapters.policies.sql_policy_store import SqlPolicyStore
from allocation_service.adapters.store.policies_in_force import policy_of
from allocation_service.application.policies.policy_choice import Choice, Scope
from allocation_service.domain.policies.policy import Policy, Sort
from service_kit.persistence.migrations import upgrade
from service_kit.testing.databases import server_url


@pytest_asyncio.fixture(loop_scope="session")
async def old() -> AsyncIterator[AsyncEngine]:
    """A database of before the migration, with a default that was changed, a SKU of its own, and a dropped one."""
    name = f"t_policies_{uuid.uuid4().hex[:8]}"
    server = create_async_engine(server_url(), poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
    async with server.connect() as conn:
        await conn.execute(text(f'CREATE DATABASE "{name}"'))
    url = server_url().set(database=name)
    await asyncio.to_thread(upgrade, "allocation_service", url.render_as_string(hide_password=False), "0002")
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.begin() as conn:
        await conn.execute(
            text("UPDATE allocation_policy SET version = 4, sort = 'priority', protect_promises = false")
        )
        await conn.execute(
            text(
                "INSERT INTO allocation_policy (name, version, sort, protect_promises, dropped)"
                " VALUES ('sku:A/1', 3, 'fifo', true, false), ('sku:gone', 7, 'priority', true, true),"
                " ('sku:default', 1, 'priority', true, false)"
            )
        )
    yield engine
    await engine.dispose()
    async with server.connect() as conn:
        await conn.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    await server.dispose()


async def test_stored_policies_keep_their_names_versions_and_skus(old: AsyncEngine) -> None:
    await asyncio.to_thread(upgrade, "allocation_service", old.url.render_as_string(hide_password=False))
    default = Choice(Policy("default", 4, Sort.PRIORITY, protect_promises=False), Scope.DEFAULT)
    async with old.connect() as conn:
        now = (await conn.execute(text("SELECT now()"))).scalar_one()
        assert await policy_of(conn, "other", None, now) == default
        assert await policy_of(conn, "gone", None, now) == default
        assert await policy_of(conn, "A/1", "garden", now) == Choice(Policy("sku:A/1", 3), Scope.SKU)
        assert (await policy_of(conn, "default", None, now)).policy == Policy("sku:default", 1, Sort.PRIORITY)
        gone = await SqlPolicyStore(conn).read_versions("sku:gone", retired=True)
        assert [(one.version, one.status) for one in gone] == [(7, "retired")]
        made = await SqlPolicyAssignmentStore(conn).list_assignments(("", ""), 10)
    assert [(one.scope, one.target) for one in made] == [("default", ""), ("sku", "A/1"), ("sku", "default")]
