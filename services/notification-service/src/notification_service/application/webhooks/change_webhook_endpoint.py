"""Changing webhook endpoints, and switching them off and on."""

from __future__ import annotations

from dataclasses import dataclass

from notification_service.application.ports.queries import EndpointOverview
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.webhook_endpoints import VersionRequired, WebhookEndpointNotFound
from service_kit.commands.expected_version import ExpectedVersion, check_version


@dataclass(frozen=True, slots=True)
class ChangeWebhookEndpoint:
    """What to change of an endpoint; None leaves a field as it is. All fields are valid."""

    endpoint_id: str
    expected: ExpectedVersion | None
    url: str | None = None
    description: str | None = None
    event_types: tuple[str, ...] | None = None
    enabled: bool | None = None


async def change_webhook_endpoint(uow: NotificationUnitOfWork, command: ChangeWebhookEndpoint) -> EndpointOverview:
    """Change an endpoint; the endpoint as it is then. Switching it on again forgets its failures.

    Raises WebhookEndpointNotFound, VersionRequired where no version is expected, and VersionMismatch.
    """
    endpoint = await uow.endpoints.lock(command.endpoint_id)
    if endpoint is None:
        raise WebhookEndpointNotFound(command.endpoint_id)
    if command.expected is None:
        raise VersionRequired
    check_version(command.expected, endpoint.version)
    changed = endpoint.changed(
        url=command.url,
        description=command.description,
        event_types=command.event_types,
        enabled=command.enabled,
        now=uow.now,
    )
    if changed is not endpoint:
        await uow.endpoints.save(changed)
    return EndpointOverview(changed, await uow.deliveries.count_pending(command.endpoint_id))
