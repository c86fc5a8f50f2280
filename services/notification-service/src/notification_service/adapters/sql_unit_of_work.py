"""The unit of work on PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.adapters.secret_box import SecretBox
from notification_service.adapters.sql_contact_store import SqlContactStore
from notification_service.adapters.sql_notification_store import SqlNotificationStore
from notification_service.adapters.sql_order_store import SqlOrderStore
from notification_service.adapters.sql_queries import SqlNotificationQueries
from notification_service.adapters.sql_webhook_stores import SqlWebhookDeliveryStore, SqlWebhookEndpointStore
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork
from service_kit.runtime.business_clock import BusinessClock


class SqlNotificationUnitOfWork(SqlUnitOfWork):
    """Implements NotificationUnitOfWork: all stores on the transaction of one connection."""

    def __init__(
        self,
        connection: AsyncConnection,
        now: datetime,
        commit: Callable[[], Awaitable[None]] | None = None,
        *,
        box: SecretBox | None = None,
        business_clock: BusinessClock | None = None,
    ) -> None:
        super().__init__(connection, now, commit)
        self.contacts = SqlContactStore(connection)
        self.orders = SqlOrderStore(connection)
        self.notifications = SqlNotificationStore(connection)
        box = box or SecretBox()
        self.endpoints = SqlWebhookEndpointStore(connection, box)
        self.deliveries = SqlWebhookDeliveryStore(connection, box)
        self.queries = SqlNotificationQueries(connection)
        self._business_clock = business_clock

    @property
    def business_now(self) -> datetime:
        """See NotificationUnitOfWork; without a business clock, the wall clock's."""
        return self.now if self._business_clock is None else self._business_clock.now()

    def saw(self, moment: datetime) -> None:
        """See NotificationUnitOfWork."""
        if self._business_clock is not None:
            self.after_commit(partial(self._business_clock.saw, moment))
