"""Encrypting the secrets of endpoints with the current key."""

from __future__ import annotations

from notification_service.application.ports.unit_of_work import NotificationUnitOfWork

SECRETS_AT_ONCE = 100


async def seal_webhook_secrets(uow: NotificationUnitOfWork, limit: int = SECRETS_AT_ONCE) -> int:
    """Encrypt up to ``limit`` secrets that are stored as they are, or with an earlier key that is held; how many.

    Once it returns 0, and no other process is encrypting, the earlier keys that are held are not needed any more.
    Secrets of a key that is not held stay as they are; ``count_unreadable_secrets`` tells of them.
    """
    return await uow.endpoints.seal_secrets(limit)


async def count_unreadable_secrets(uow: NotificationUnitOfWork) -> int:
    """How many secrets that sign now are encrypted with a key that is not held: nothing is signed with them."""
    return await uow.endpoints.count_unreadable(uow.now)
