"""The stores of webhook endpoints and of the deliveries to them, and the client that calls endpoints."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from notification_service.domain.webhook_endpoints import WebhookEndpoint, WebhookResponse, WebhookSubscription


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One event as endpoints get it."""

    event_id: str
    event_type: str
    body: str


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """One event to be delivered to one endpoint."""

    endpoint_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery to be made now; no other worker takes it before the lease ends. ``secrets`` are those that sign."""

    endpoint_id: str
    event_id: str
    event_type: str
    attempts: int
    body: str = field(repr=False)
    url: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One attempt at a delivery. ``retry_at`` is None after the last one, successful or not."""

    claim: ClaimedDelivery
    response: WebhookResponse
    retry_at: datetime | None


class WebhookEndpointStore(Protocol):
    """Merchants' webhook endpoints and their signing secrets."""

    async def add(self, endpoint: WebhookEndpoint, secret: str) -> None:
        """Create an endpoint with its first secret."""
        ...

    async def lock(self, endpoint_id: str) -> WebhookEndpoint | None:
        """The endpoint, locked until the transaction ends; None if there is none."""
        ...

    async def save(self, endpoint: WebhookEndpoint) -> None:
        """Write a locked endpoint: its settings, health and version."""
        ...

    async def delete(self, endpoint_id: str) -> bool:
        """Remove the endpoint with its deliveries; False if there was none."""
        ...

    async def signing_secrets(self, endpoint_id: str, now: datetime) -> tuple[str, ...]:
        """The endpoint's secrets that sign at ``now``, the newest first."""
        ...

    async def add_secret(self, endpoint_id: str, secret: str, now: datetime, previous_until: datetime) -> None:
        """Add a secret; those before it sign until ``previous_until`` at the latest."""
        ...

    async def seal_secrets(self, limit: int) -> int:
        """Encrypt with the current key, if there is one, what is not encrypted or with an earlier one; how many.

        Secrets whose key is not held are left as they are, and so are those that another process encrypts meanwhile.
        """
        ...

    async def count_unreadable(self, now: datetime) -> int:
        """How many of the secrets that sign at ``now`` are encrypted with a key that is not held."""
        ...

    async def subscriptions(self) -> list[WebhookSubscription]:
        """What the enabled endpoints are subscribed to."""
        ...


class WebhookDeliveryStore(Protocol):
    """Events to be delivered to endpoints."""

    async def add(self, messages: Sequence[WebhookMessage], deliveries: Sequence[NewDelivery], now: datetime) -> None:
        """Queue deliveries of ``messages``. Those that exist, or whose endpoint does not, are left out."""
        ...

    async def claim_due(
        self, now: datetime, lease_until: datetime, per_endpoint: int, busy: Collection[str]
    ) -> list[ClaimedDelivery]:
        """Take deliveries to be made now, up to ``per_endpoint`` for each enabled endpoint that is not ``busy``.

        Counts as an attempt. They are due again at ``lease_until`` if nothing is recorded before.
        """
        ...

    async def record(self, attempts: Sequence[DeliveryAttempt], now: datetime) -> None:
        """Write what became of attempts at pending deliveries."""
        ...

    async def count_pending(self, endpoint_id: str) -> int:
        """How many of the endpoint's deliveries are pending, counted up to 10 000."""
        ...

    async def purge(self, created_before: datetime, limit: int) -> int:
        """Remove up to ``limit`` messages created before that moment, with their deliveries; returns how many."""
        ...


class WebhookSender(Protocol):
    """Calls merchants' endpoints."""

    async def send(self, url: str, message_id: str, body: str, secrets: Sequence[str]) -> WebhookResponse:
        """Make one signed call, or none without ``secrets``. Never raises for what endpoint or network do."""
        ...
