"""Creating webhook endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.application.webhooks.signing_secret import new_signing_secret
from notification_service.domain.webhook_endpoints import WebhookEndpoint


@dataclass(frozen=True, slots=True)
class CreateWebhookEndpoint:
    """A new endpoint; all fields are valid."""

    endpoint_id: str
    url: str
    description: str
    event_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreatedEndpoint:
    """A new endpoint and its signing secret, which is never shown again."""

    endpoint: WebhookEndpoint
    secret: str = field(repr=False)


async def create_webhook_endpoints(
    uow: NotificationUnitOfWork, commands: Sequence[CreateWebhookEndpoint]
) -> list[CreatedEndpoint]:
    """Create an endpoint for each command."""
    created: list[CreatedEndpoint] = []
    for command in commands:
        endpoint = WebhookEndpoint(
            endpoint_id=command.endpoint_id,
            url=command.url,
            description=command.description,
            event_types=command.event_types,
            enabled=True,
            disabled_reason=None,
            disabled_at=None,
            created_at=uow.now,
            version=1,
        )
        secret = new_signing_secret()
        await uow.endpoints.add(endpoint, secret)
        created.append(CreatedEndpoint(endpoint, secret))
    return created
