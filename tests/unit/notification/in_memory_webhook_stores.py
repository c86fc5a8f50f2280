"""The stores of webhook endpoints and deliveries in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from tests.unit.notification.in_memory_tables import NotificationTables, SigningSecret

from notification_service.application.ports.queries import WebhookDelivery
from notification_service.application.ports.webhooks import (
    ClaimedDelivery,
    DeliveryAttempt,
    NewDelivery,
    WebhookMessage,
)
from notification_service.domain.webhook_endpoints import WebhookEndpoint, WebhookSubscription


class InMemoryWebhookEndpointStore:
    """Implements WebhookEndpointStore."""

    def __init__(self, tables: NotificationTables) -> None:
        self._tables = tables

    async def add(self, endpoint: WebhookEndpoint, secret: str) -> None:
        self._tables.endpoints[endpoint.endpoint_id] = endpoint
        self._tables.secrets.append(SigningSecret(endpoint.endpoint_id, secret, endpoint.created_at))

    async def lock(self, endpoint_id: str) -> WebhookEndpoint | None:
        return self._tables.endpoints.get(endpoint_id)

    async def save(self, endpoint: WebhookEndpoint) -> None:
        self._tables.endpoints[endpoint.endpoint_id] = endpoint

    async def delete(self, endpoint_id: str) -> bool:
        tables = self._tables
        tables.secrets = [secret for secret in tables.secrets if secret.endpoint_id != endpoint_id]
        tables.deliveries = {key: value for key, value in tables.deliveries.items() if key[0] != endpoint_id}
        return tables.endpoints.pop(endpoint_id, None) is not None

    async def signing_secrets(self, endpoint_id: str, now: datetime) -> tuple[str, ...]:
        return _signing_secrets(self._tables, endpoint_id, now)

    async def add_secret(self, endpoint_id: str, secret: str, now: datetime, previous_until: datetime) -> None:
        for known in self._tables.secrets:
            if known.endpoint_id == endpoint_id:
                known.expires_at = min(known.expires_at or previous_until, previous_until)
        self._tables.secrets.append(SigningSecret(endpoint_id, secret, now))

    async def seal_secrets(self, limit: int) -> int:
        return 0

    async def count_unreadable(self, now: datetime) -> int:
        return 0

    async def subscriptions(self) -> list[WebhookSubscription]:
        enabled = (endpoint for endpoint in self._tables.endpoints.values() if endpoint.enabled)
        return [WebhookSubscription(endpoint.endpoint_id, endpoint.event_types) for endpoint in enabled]


def _signing_secrets(tables: NotificationTables, endpoint_id: str, now: datetime) -> tuple[str, ...]:
    signing = [
        secret
        for secret in tables.secrets
        if secret.endpoint_id == endpoint_id and (secret.expires_at is None or secret.expires_at > now)
    ]
    return tuple(secret.secret for secret in sorted(signing, key=lambda secret: secret.created_at, reverse=True))


class InMemoryWebhookDeliveryStore:
    """Implements WebhookDeliveryStore."""

    def __init__(self, tables: NotificationTables) -> None:
        self._tables = tables

    async def add(self, messages: Sequence[WebhookMessage], deliveries: Sequence[NewDelivery], now: datetime) -> None:
        for message in messages:
            self._tables.messages.setdefault(message.event_id, (message, now))
        for delivery in deliveries:
            if delivery.endpoint_id in self._tables.endpoints:
                key = (delivery.endpoint_id, delivery.event_id)
                event_type = self._tables.messages[delivery.event_id][0].event_type
                self._tables.deliveries.setdefault(
                    key, WebhookDelivery(delivery.event_id, event_type, "pending", 0, now, None, None, now, None)
                )

    async def claim_due(
        self, now: datetime, lease_until: datetime, per_endpoint: int, busy: Collection[str]
    ) -> list[ClaimedDelivery]:
        claims = []
        for endpoint in self._tables.endpoints.values():
            if not endpoint.enabled or endpoint.endpoint_id in busy:
                continue
            due = [
                (stored.next_attempt_at, event_id)
                for (endpoint_id, event_id), stored in self._tables.deliveries.items()
                if endpoint_id == endpoint.endpoint_id
                and stored.state == "pending"
                and stored.next_attempt_at is not None
                and stored.next_attempt_at <= now
            ]
            claims += [self._claim(endpoint, event_id, now, lease_until) for _, event_id in sorted(due)[:per_endpoint]]
        return sorted(claims, key=lambda claim: claim.event_id)

    def _claim(self, endpoint: WebhookEndpoint, event_id: str, now: datetime, lease_until: datetime) -> ClaimedDelivery:
        key = (endpoint.endpoint_id, event_id)
        stored = self._tables.deliveries[key]
        stored = replace(stored, attempts=stored.attempts + 1, next_attempt_at=lease_until)
        self._tables.deliveries[key] = stored
        return ClaimedDelivery(
            endpoint_id=endpoint.endpoint_id,
            event_id=event_id,
            event_type=stored.event_type,
            attempts=stored.attempts,
            body=self._tables.messages[event_id][0].body,
            url=endpoint.url,
            secrets=_signing_secrets(self._tables, endpoint.endpoint_id, now),
        )

    async def record(self, attempts: Sequence[DeliveryAttempt], now: datetime) -> None:
        for attempt in attempts:
            key = (attempt.claim.endpoint_id, attempt.claim.event_id)
            stored = self._tables.deliveries.get(key)
            if stored is None or stored.state != "pending":
                continue
            ended = "delivered" if attempt.response.accepted else "failed"
            self._tables.deliveries[key] = replace(
                stored,
                state=ended if attempt.retry_at is None else "pending",
                next_attempt_at=attempt.retry_at,
                last_status=attempt.response.status,
                last_error=attempt.response.error,
                finished_at=now if attempt.retry_at is None else None,
            )

    async def count_pending(self, endpoint_id: str) -> int:
        return count_pending_in(self._tables, endpoint_id)

    async def purge(self, created_before: datetime, limit: int) -> int:
        tables = self._tables
        old = sorted(
            (created_at, key) for key, (_, created_at) in tables.messages.items() if created_at < created_before
        )
        removed = {key for _, key in old[:limit]}
        tables.messages = {key: value for key, value in tables.messages.items() if key not in removed}
        tables.deliveries = {key: value for key, value in tables.deliveries.items() if key[1] not in removed}
        return len(removed)


def count_pending_in(tables: NotificationTables, endpoint_id: str) -> int:
    """Pending deliveries to the endpoint, counted up to 10 000."""
    stored = [delivery for key, delivery in tables.deliveries.items() if key[0] == endpoint_id]
    return min(10_000, sum(delivery.state == "pending" for delivery in stored))
