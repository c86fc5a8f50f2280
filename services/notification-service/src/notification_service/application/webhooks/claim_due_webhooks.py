"""Claiming webhook deliveries to be made."""

from __future__ import annotations

from collections.abc import Collection

from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.application.ports.webhooks import ClaimedDelivery
from notification_service.application.webhooks.delivery_rules import WebhookRules


async def claim_due_webhooks(
    uow: NotificationUnitOfWork, busy: Collection[str], rules: WebhookRules
) -> list[ClaimedDelivery]:
    """Claim deliveries that are due, at enabled endpoints other than those that are ``busy``."""
    return await uow.deliveries.claim_due(uow.now, uow.now + rules.lease, rules.per_endpoint, busy)
