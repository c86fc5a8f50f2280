"""The unit of work on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event
from notification_service.adapters.contacts import SqlContacts
from notification_service.adapters.notifications import SqlNotifications
from notification_service.adapters.watched_orders import SqlWatchedOrders
from notification_service.adapters.webhooks import SqlEndpoints, SqlWebhookDeliveries
from service_kit.messaging.outbox import publish
from service_kit.persistence.database import Database


class SqlWork:
    """All stores on one connection's transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn
        self.orders = SqlWatchedOrders(conn)
        self.notifications = SqlNotifications(conn)
        self.contacts = SqlContacts(conn)
        self.endpoints = SqlEndpoints(conn)
        self.deliveries = SqlWebhookDeliveries(conn)

    async def publish(self, events: Sequence[Event]) -> None:
        """Put events into the outbox."""
        await publish(self._conn, events)


class SqlUnitOfWork:
    """Opens transactions on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlWork]:
        """Commits at the end of the block; any error undoes it."""
        async with self._database.transaction() as conn:
            yield SqlWork(conn)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlWork]:
        """One consistent view, without writing."""
        async with self._database.reading() as conn:
            yield SqlWork(conn)
