"""The order service on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.scenario import take_outbox
from tests.statements_seen import statements_of
from tests.unit.order.shop import Shop, open_client

from event_contracts import Event
from order_service.config import OrderSettings
from order_service.entrypoints.service import build
from service_kit.persistence.database import Database


@dataclass
class SqlShop(Shop):
    """The service on PostgreSQL."""

    @property
    def database(self) -> Database:
        """The service's database."""
        return self.service.database

    async def apply(self, *events: Event) -> None:
        """See Shop."""
        assert self.service.subscription is not None
        async with self.database.transaction() as conn:
            await self.service.subscription.handle(conn, events)

    async def published(self) -> list[Event]:
        """See Shop."""
        return await take_outbox(self.database)

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[list[str]]:
        """Collects the statements that reach the server within the block, whether through SQLAlchemy or past it."""
        async with statements_of(self.database) as seen:
            yield seen

    @asynccontextmanager
    async def another_process(self) -> AsyncIterator[SqlShop]:
        """A second instance of the service on the same database."""
        database = Database(self.database.url, pool_size=2)
        assert isinstance(self.service.settings, OrderSettings)
        service = build(self.service.settings, clock=self.clock, database=database)
        try:
            async with open_client(service, self.keys) as client:
                yield SqlShop(service, client, self.clock, self.keys)
        finally:
            await database.close()
