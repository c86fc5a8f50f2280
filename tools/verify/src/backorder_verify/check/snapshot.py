"""One consistent, read-only view of every service's database, and the access to Kafka that the checks need."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg

from backorder_local.running import RunningSystem
from service_kit.persistence.database import Database

_PREFETCH = 5_000


class SystemSnapshot:
    """Read-only connections to the four databases, each in one snapshot (REPEATABLE READ).

    The snapshots are taken one after the other, so comparisons between services are valid only while the system is
    at rest.
    """

    def __init__(self, system: RunningSystem, *, topic_prefix: str = "", inbox_horizon: datetime | None = None) -> None:
        self.bootstrap = system.kafka_bootstrap
        self.topic_prefix = topic_prefix
        self.inbox_horizon = inbox_horizon
        """Inboxes have forgotten events written before this moment. None: they have forgotten nothing."""
        self._urls = dict(system.database_urls)
        self._connections: dict[str, asyncpg.Connection] = {}
        self._databases: dict[str, Database] = {}

    async def __aenter__(self) -> SystemSnapshot:
        try:
            for service, url in self._urls.items():
                connection = await asyncpg.connect(url, server_settings={"application_name": "backorder-check"})
                self._connections[service] = connection
                await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        for connection in self._connections.values():
            await connection.close()
        self._connections.clear()
        for database in self._databases.values():
            await database.close()
        self._databases.clear()

    async def rows(self, service: str, query: str, *values: object) -> AsyncIterator[asyncpg.Record]:
        """Stream the rows of a query from one service's snapshot."""
        async for record in self._connections[service].cursor(query, *values, prefetch=_PREFETCH):
            yield record

    @asynccontextmanager
    async def current(self, service: str) -> AsyncIterator[asyncpg.Connection]:
        """A read-only connection outside the snapshot, for what must be looked at repeatedly."""
        connection = await asyncpg.connect(self._urls[service], server_settings={"default_transaction_read_only": "on"})
        try:
            yield connection
        finally:
            await connection.close()

    def database(self, service: str) -> Database:
        """The service's database as its own code uses it, for checks that run that code."""
        if service not in self._databases:
            url = self._urls[service].replace("postgresql:", "postgresql+asyncpg:", 1)
            self._databases[service] = Database(url, pool_size=1, application_name="backorder-check")
        return self._databases[service]
