"""Rotating the signing secrets of webhook endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.application.webhooks.signing_secret import new_signing_secret
from notification_service.domain.webhook_endpoints import WebhookEndpointNotFound


@dataclass(frozen=True, slots=True)
class RotatedSecret:
    """A new secret; the ones before it sign as well until ``previous_valid_until``."""

    secret: str = field(repr=False)
    previous_valid_until: datetime


async def rotate_webhook_secret(uow: NotificationUnitOfWork, endpoint_id: str, overlap: timedelta) -> RotatedSecret:
    """Give an endpoint a new secret; webhooks are signed with the old ones, too, for the time of ``overlap``.

    Raises WebhookEndpointNotFound.
    """
    if await uow.endpoints.lock(endpoint_id) is None:
        raise WebhookEndpointNotFound(endpoint_id)
    rotated = RotatedSecret(new_signing_secret(), uow.now + overlap)
    await uow.endpoints.add_secret(endpoint_id, rotated.secret, uow.now, rotated.previous_valid_until)
    return rotated
