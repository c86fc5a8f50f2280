"""Deleting webhook endpoints."""

from __future__ import annotations

from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.webhook_endpoints import WebhookEndpointNotFound


async def delete_webhook_endpoint(uow: NotificationUnitOfWork, endpoint_id: str) -> None:
    """Remove an endpoint and everything that is queued for it. Raises WebhookEndpointNotFound."""
    if not await uow.endpoints.delete(endpoint_id):
        raise WebhookEndpointNotFound(endpoint_id)
