"""Databases for tests on a real server: migrated once, emptied between tests."""

from __future__ import annotations

import asyncio
import os
import uuid
from importlib import import_module
from typing import Any

from sqlalchemy import URL, make_url, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from service_kit.persistence.database import Database
from service_kit.persistence.migrations import upgrade

POSTGRES_VARIABLE = "BACKORDER_TEST_POSTGRES"


def server_url() -> URL:
    """The superuser URL of the test server, for asyncpg. RuntimeError if the variable is not set."""
    given = os.environ.get(POSTGRES_VARIABLE)
    if not given:
        raise RuntimeError(f"{POSTGRES_VARIABLE} is not set: name a PostgreSQL server for tests (superuser URL)")
    return make_url(given).set(drivername="postgresql+asyncpg")


class TestDatabases:
    """The databases of one test session (one xdist worker): one for each service that a test asks for."""

    __test__ = False

    def __init__(self) -> None:
        self._server = server_url()
        self._run = f"{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}_{uuid.uuid4().hex[:8]}"
        self._urls: dict[str, URL] = {}
        self._opened: list[Database] = []

    async def fresh(self, service_module: str, **options: Any) -> Database:
        """A `Database` of the module, migrated and with the contents that its migrations give it."""
        url = self._urls.get(service_module)
        if url is None:
            url = await self._create(service_module)
            self._urls[service_module] = url
        else:
            await self._empty(url)
        database = Database(
            url.render_as_string(hide_password=False), **{"pool_size": 5, "application_name": "test", **options}
        )
        self._opened.append(database)
        return database

    async def close_opened(self) -> None:
        """Close the pools handed out since the last call."""
        while self._opened:
            await self._opened.pop().close()

    async def drop_all(self) -> None:
        """Remove every database of this session."""
        await self.close_opened()
        for url in self._urls.values():
            await self._administer(f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')
        self._urls.clear()

    async def _create(self, service_module: str) -> URL:
        name = f"t_{service_module.rsplit('.', 1)[-1]}_{self._run}"
        import_module(service_module)
        await self._administer(f'CREATE DATABASE "{name}"')
        url = self._server.set(database=name)
        await asyncio.to_thread(upgrade, service_module, url.render_as_string(hide_password=False))
        async with _autocommit(url) as conn:
            await conn.execute(text("CREATE SCHEMA seed"))
            for table in await _tables(conn):
                if (await conn.execute(text(f'SELECT EXISTS (SELECT FROM public."{table}")'))).scalar_one():
                    await conn.execute(text(f'CREATE TABLE seed."{table}" AS TABLE public."{table}"'))
        return url

    async def _empty(self, url: URL) -> None:
        """Restore what the migrations left; sessions that the last test forgot are ended."""
        async with _autocommit(url) as conn:
            await conn.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            seeded = set(await _tables(conn, "seed"))
            # Triggers and foreign keys are off, so that append-only tables can be emptied, and in any order.
            statements = ["SET session_replication_role = replica"]
            for table in await _tables(conn):
                statements.append(f'DELETE FROM public."{table}"')
                if table in seeded:
                    statements.append(
                        f'INSERT INTO public."{table}" OVERRIDING SYSTEM VALUE SELECT * FROM seed."{table}"'
                    )
            driver: Any = (await conn.get_raw_connection()).driver_connection
            await driver.execute(";".join(statements))

    async def _administer(self, statement: str) -> None:
        async with _autocommit(self._server) as conn:
            await conn.execute(text(statement))


class _autocommit:  # noqa: N801 - reads as the verb it is
    """A connection of its own, in autocommit, closed at the end of the block."""

    def __init__(self, url: URL) -> None:
        self._engine: AsyncEngine = create_async_engine(url, poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
        self._conn: AsyncConnection | None = None

    async def __aenter__(self) -> AsyncConnection:
        self._conn = await self._engine.connect()
        return self._conn

    async def __aexit__(self, *_: object) -> None:
        if self._conn is not None:
            await self._conn.close()
        await self._engine.dispose()


async def _tables(conn: AsyncConnection, schema: str = "public") -> list[str]:
    rows = await conn.execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = :schema AND tablename <> 'alembic_version'"),
        {"schema": schema},
    )
    return [row.tablename for row in rows]
