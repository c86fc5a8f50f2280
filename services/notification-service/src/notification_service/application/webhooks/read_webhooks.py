"""Reading webhook endpoints and the deliveries to them."""

from __future__ import annotations

from notification_service.application.ports.queries import EndpointOverview, WebhookDelivery
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.webhook_endpoints import WebhookEndpointNotFound


async def get_webhook_endpoint(uow: NotificationUnitOfWork, endpoint_id: str) -> EndpointOverview:
    """The endpoint with its health. Raises WebhookEndpointNotFound."""
    overview = await uow.queries.webhook_endpoint(endpoint_id)
    if overview is None:
        raise WebhookEndpointNotFound(endpoint_id)
    return overview


async def list_webhook_endpoints(
    uow: NotificationUnitOfWork, *, after: str | None, limit: int
) -> list[EndpointOverview]:
    """Endpoints in the order of their creation, from above the id ``after``."""
    return await uow.queries.webhook_endpoints(after=after, limit=limit)


async def list_webhook_deliveries(
    uow: NotificationUnitOfWork, endpoint_id: str, *, before: str | None, limit: int
) -> list[WebhookDelivery]:
    """The endpoint's deliveries, the newest event first, from below ``before``. Raises WebhookEndpointNotFound."""
    await get_webhook_endpoint(uow, endpoint_id)
    return await uow.queries.webhook_deliveries(endpoint_id, before=before, limit=limit)
