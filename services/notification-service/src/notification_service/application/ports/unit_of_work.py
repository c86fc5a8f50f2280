"""The unit of work of the notification service: one transaction with its typed stores."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, TypeAlias

from notification_service.application.ports.contacts import ContactStore
from notification_service.application.ports.notifications import NotificationStore
from notification_service.application.ports.orders import OrderStore
from notification_service.application.ports.queries import NotificationQueries
from notification_service.application.ports.webhooks import WebhookDeliveryStore, WebhookEndpointStore
from service_kit.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory


class NotificationUnitOfWork(UnitOfWork, Protocol):
    """One transaction.

    Locks are taken in one order everywhere, so that no two transactions wait for each other: contacts, orders,
    notifications, webhook endpoints, deliveries; rows of one kind by id.
    """

    @property
    def business_now(self) -> datetime:
        """The present in business time, by which customers' messages are dated: the wall clock's, unless old data is
        replayed (`BusinessClock`)."""
        ...

    def saw(self, moment: datetime) -> None:
        """Let the business clock learn of an event's business time, once this has committed."""
        ...

    @property
    def contacts(self) -> ContactStore:
        """Contacts."""
        ...

    @property
    def orders(self) -> OrderStore:
        """Orders as projected from events."""
        ...

    @property
    def notifications(self) -> NotificationStore:
        """Notifications."""
        ...

    @property
    def endpoints(self) -> WebhookEndpointStore:
        """Webhook endpoints."""
        ...

    @property
    def deliveries(self) -> WebhookDeliveryStore:
        """Webhook deliveries."""
        ...

    @property
    def queries(self) -> NotificationQueries:
        """The read models."""
        ...


NotificationUnits: TypeAlias = UnitOfWorkFactory[NotificationUnitOfWork]
"""Opens units of work of this service."""
