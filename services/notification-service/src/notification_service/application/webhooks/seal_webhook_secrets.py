"""Encrypting the secrets of endpoints with the current key."""

from __future__ import annotations

from notification_service.application.ports.unit_of_work import NotificationUnitOfWork

SECRETS_AT_ONCE = 100


async def seal_webhook_secrets(uow: NotificationUnitOfWork, limit: int = SECRETS_AT_ONCE) -> int:
    """Encrypt up to ``limit`` secrets that are stored as they are, or with an earlier key; returns how many.

    Once it returns 0, earlier keys are not needed any more.
    """
    return await uow.endpoints.seal_secrets(limit)
