"""The stores of the notification service in memory, for tests of use cases.

They keep the promises of the ports, which ``test_stores.py`` holds against the SQL stores, too. What they cannot
show are locks: a unit of work in memory is never interrupted by another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from functools import partial
from typing import TypeAlias

from tests.unit.notification.in_memory_notification_store import InMemoryNotificationStore, without_texts
from tests.unit.notification.in_memory_tables import NotificationTables
from tests.unit.notification.in_memory_webhook_stores import (
    InMemoryWebhookDeliveryStore,
    InMemoryWebhookEndpointStore,
    count_pending_in,
)

from notification_service.application.ports.orders import SkuName
from notification_service.application.ports.queries import EndpointOverview, WebhookDelivery
from notification_service.domain.contacts import Contact
from notification_service.domain.notifications import Notification
from notification_service.domain.orders import OrderProjection
from service_kit.runtime.business_clock import BusinessClock
from service_kit.runtime.clock import Clock
from service_kit.testing.in_memory_unit_of_work import InMemoryUnitOfWork, InMemoryUnitOfWorkFactory


class InMemoryContactStore:
    """Implements ContactStore."""

    def __init__(self, tables: NotificationTables) -> None:
        self._tables = tables

    async def lock(self, contact_id: str) -> Contact | None:
        return self._tables.contacts.get(contact_id)

    async def put(self, contact_id: str, email: str, locale: str, time_zone: str, now: datetime) -> Contact:
        self._tables.contact_version += 1
        known = self._tables.contacts.get(contact_id)
        created_at = known.created_at if known else now
        contact = Contact(contact_id, email, locale, time_zone, self._tables.contact_version, created_at, now)
        self._tables.contacts[contact_id] = contact
        return contact

    async def delete(self, contact_id: str) -> None:
        self._tables.contacts.pop(contact_id, None)

    async def known(self, contact_ids: Collection[str]) -> set[str]:
        return self._tables.contacts.keys() & set(contact_ids)

    async def lock_known(self, contact_ids: Collection[str]) -> set[str]:
        return await self.known(contact_ids)


class InMemoryOrderStore:
    """Implements OrderStore. Orders are copies, so that nothing is stored that is not saved."""

    def __init__(self, tables: NotificationTables) -> None:
        self._tables = tables

    async def lock(self, order_ids: Collection[str]) -> dict[str, OrderProjection]:
        orders = self._tables.orders
        return {
            order_id: deepcopy(orders.setdefault(order_id, OrderProjection(order_id))) for order_id in sorted(order_ids)
        }

    async def find_due(self, now: datetime, limit: int, without: Collection[str] = ()) -> list[str]:
        due = [order.order_id for order in await self.lock_due(now, len(self._tables.orders))]
        return [order_id for order_id in due if order_id not in without][:limit]

    async def lock_due(self, now: datetime, limit: int, only: Collection[str] | None = None) -> list[OrderProjection]:
        due = [order for order in self._tables.orders.values() if order.message_due and order.message_due.due_at <= now]
        due.sort(key=lambda order: order.message_due.due_at if order.message_due else now)
        return deepcopy([order for order in due if only is None or order.order_id in only][:limit])

    async def save(self, orders: Collection[OrderProjection]) -> None:
        for order in orders:
            self._tables.orders[order.order_id] = deepcopy(order)

    async def next_sequences(self, order_ids: Sequence[str]) -> list[int]:
        sequences = []
        for order_id in order_ids:
            self._tables.sequences[order_id] = self._tables.sequences.get(order_id, 0) + 1
            sequences.append(self._tables.sequences[order_id])
        return sequences

    async def sku_names(self, skus: Collection[str]) -> dict[str, str]:
        names = {sku: self._tables.sku_names[sku].name for sku in skus if sku in self._tables.sku_names}
        return {sku: name for sku, name in names.items() if name}

    async def save_sku_names(self, names: Mapping[str, SkuName]) -> None:
        for sku, name in names.items():
            known = self._tables.sku_names.get(sku)
            if known is None or known.version < name.version:
                self._tables.sku_names[sku] = name


class InMemoryNotificationQueries:
    """Implements NotificationQueries."""

    def __init__(self, tables: NotificationTables) -> None:
        self._tables = tables

    async def contact(self, contact_id: str) -> Contact | None:
        return self._tables.contacts.get(contact_id)

    async def notification(self, notification_id: str, *, customer_id: str | None = None) -> Notification | None:
        found = self._tables.notifications.get(notification_id)
        if found is None:
            return None
        order = self._tables.orders.get(found.order_id)
        return found if customer_id is None or (order is not None and order.customer_id == customer_id) else None

    async def notifications(
        self, *, order_id: str | None, customer_id: str | None, before: str | None, limit: int
    ) -> list[Notification]:
        found = [
            without_texts(stored)
            for key, stored in sorted(self._tables.notifications.items(), reverse=True)
            if order_id in {None, stored.order_id}
            and (customer_id is None or self._tables.orders[stored.order_id].customer_id == customer_id)
            and (before is None or key < before)
        ]
        return found[:limit]

    async def webhook_endpoint(self, endpoint_id: str) -> EndpointOverview | None:
        endpoint = self._tables.endpoints.get(endpoint_id)
        return EndpointOverview(endpoint, count_pending_in(self._tables, endpoint_id)) if endpoint else None

    async def webhook_endpoints(self, *, after: str | None, limit: int) -> list[EndpointOverview]:
        ids = [endpoint_id for endpoint_id in sorted(self._tables.endpoints) if after is None or endpoint_id > after]
        return [
            EndpointOverview(self._tables.endpoints[endpoint_id], count_pending_in(self._tables, endpoint_id))
            for endpoint_id in ids[:limit]
        ]

    async def webhook_deliveries(self, endpoint_id: str, *, before: str | None, limit: int) -> list[WebhookDelivery]:
        keys = [
            key
            for key in sorted(self._tables.deliveries, reverse=True)
            if key[0] == endpoint_id and (before is None or key[1] < before)
        ]
        return [self._tables.deliveries[key] for key in keys[:limit]]


class InMemoryNotificationUnitOfWork(InMemoryUnitOfWork):
    """Implements NotificationUnitOfWork."""

    def __init__(self, tables: NotificationTables, now: datetime, business_clock: BusinessClock | None = None) -> None:
        super().__init__(now)
        self._business_clock = business_clock
        self.contacts = InMemoryContactStore(tables)
        self.orders = InMemoryOrderStore(tables)
        self.notifications = InMemoryNotificationStore(tables)
        self.endpoints = InMemoryWebhookEndpointStore(tables)
        self.deliveries = InMemoryWebhookDeliveryStore(tables)
        self.queries = InMemoryNotificationQueries(tables)

    @property
    def business_now(self) -> datetime:
        return self.now if self._business_clock is None else self._business_clock.now()

    def saw(self, moment: datetime) -> None:
        if self._business_clock is not None:
            self.after_commit(partial(self._business_clock.saw, moment))


InMemoryUnits: TypeAlias = InMemoryUnitOfWorkFactory[NotificationTables, InMemoryNotificationUnitOfWork]


def in_memory_units(clock: Clock, business_clock: BusinessClock | None = None) -> InMemoryUnits:
    """Units of work on empty tables."""
    kind = partial(InMemoryNotificationUnitOfWork, business_clock=business_clock)
    return InMemoryUnitOfWorkFactory(NotificationTables(), kind, clock)
