"""What the notification service stores, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from notification_service.application.ports.orders import SkuName
from notification_service.application.ports.queries import WebhookDelivery
from notification_service.application.ports.webhooks import WebhookMessage
from notification_service.domain.contacts import Contact
from notification_service.domain.notifications import Notification
from notification_service.domain.orders import Baseline, OrderProjection
from notification_service.domain.webhook_endpoints import WebhookEndpoint


@dataclass
class SigningSecret:
    """A secret of an endpoint; it signs until ``expires_at``."""

    endpoint_id: str
    secret: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass
class NotificationTables:
    """Everything that the service stores."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    contact_version: int = 0
    orders: dict[str, OrderProjection] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    sku_names: dict[str, SkuName] = field(default_factory=dict)
    notifications: dict[str, Notification] = field(default_factory=dict)
    baselines: dict[str, Baseline | None] = field(default_factory=dict)
    endpoints: dict[str, WebhookEndpoint] = field(default_factory=dict)
    secrets: list[SigningSecret] = field(default_factory=list)
    messages: dict[str, tuple[WebhookMessage, datetime]] = field(default_factory=dict)
    deliveries: dict[tuple[str, str], WebhookDelivery] = field(default_factory=dict)
