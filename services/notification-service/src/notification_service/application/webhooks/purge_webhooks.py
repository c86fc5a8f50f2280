"""Removing old webhooks."""

from __future__ import annotations

from datetime import timedelta

from notification_service.application.ports.unit_of_work import NotificationUnitOfWork

MESSAGES_AT_ONCE = 1000


async def purge_webhooks(uow: NotificationUnitOfWork, retention: timedelta, limit: int = MESSAGES_AT_ONCE) -> int:
    """Remove up to ``limit`` webhooks that are older than ``retention``, with their deliveries; returns how many."""
    return await uow.deliveries.purge(uow.now - retention, limit)
