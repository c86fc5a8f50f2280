"""The read models of the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from notification_service.domain.contacts import Contact
from notification_service.domain.notifications import Notification
from notification_service.domain.webhook_endpoints import WebhookEndpoint


@dataclass(frozen=True, slots=True)
class EndpointOverview:
    """A webhook endpoint and how many of its deliveries are pending, counted up to 10 000."""

    endpoint: WebhookEndpoint
    pending: int


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One event on its way to an endpoint."""

    event_id: str
    event_type: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None


class NotificationQueries(Protocol):
    """What is read without being changed."""

    async def contact(self, contact_id: str) -> Contact | None:
        """A contact."""
        ...

    async def notification(self, notification_id: str, *, customer_id: str | None = None) -> Notification | None:
        """A notification with its texts; None also where it is not of this customer."""
        ...

    async def notifications(
        self, *, order_id: str | None, customer_id: str | None, before: str | None, limit: int
    ) -> list[Notification]:
        """Notifications without their texts, the newest first, from below the id ``before``."""
        ...

    async def webhook_endpoint(self, endpoint_id: str) -> EndpointOverview | None:
        """A webhook endpoint."""
        ...

    async def webhook_endpoints(self, *, after: str | None, limit: int) -> list[EndpointOverview]:
        """Webhook endpoints in the order of their creation, from above the id ``after``."""
        ...

    async def webhook_deliveries(self, endpoint_id: str, *, before: str | None, limit: int) -> list[WebhookDelivery]:
        """The endpoint's deliveries, the newest event first, from below the event id ``before``."""
        ...
