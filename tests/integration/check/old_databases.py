"""Databases of before a migration, for tests of what it does to their rows and to those who use them meanwhile."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio
from sqlalchemy import pool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service_kit.persistence.migrations import upgrade
from service_kit.testing.databases import server_url

OldDatabase = Callable[[str, str], Awaitable[AsyncEngine]]
"""A service's database, up to a revision."""


@pytest_asyncio.fixture(loop_scope="session")
async def old_database() -> AsyncIterator[OldDatabase]:
    """Make databases of before a migration."""
    server = create_async_engine(server_url(), poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
    engines: dict[str, AsyncEngine] = {}

    async def make(service: str, revision: str) -> AsyncEngine:
        name = f"t_times_{uuid.uuid4().hex[:8]}"
        async with server.connect() as conn:
            await conn.execute(text(f'CREATE DATABASE "{name}"'))
        url = server_url().set(database=name)
        await asyncio.to_thread(upgrade, service, url.render_as_string(hide_password=False), revision)
        engines[name] = create_async_engine(url, poolclass=pool.NullPool)
        return engines[name]

    yield make
    for name, engine in engines.items():
        await engine.dispose()
        async with server.connect() as conn:
            await conn.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    await server.dispose()


async def run(engine: AsyncEngine, statements: str) -> None:
    """Run the statements in one transaction."""
    async with engine.begin() as conn:
        for statement in statements.split(";\n"):
            await conn.exec_driver_sql(statement)


async def to_head(engine: AsyncEngine, service: str) -> None:
    """Migrate the database to the newest version."""
    await asyncio.to_thread(upgrade, service, engine.url.render_as_string(hide_password=False))
