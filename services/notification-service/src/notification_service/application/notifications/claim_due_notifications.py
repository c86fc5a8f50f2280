"""Claiming notifications to be sent."""

from __future__ import annotations

from notification_service.application.notifications.delivery_rules import MailRules
from notification_service.application.ports.notifications import ClaimedNotification
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork


async def claim_due_notifications(uow: NotificationUnitOfWork, rules: MailRules) -> list[ClaimedNotification]:
    """Claim a batch of notifications; those whose contact is not known are left waiting for it."""
    claims = await uow.notifications.claim_due(uow.now, uow.now + rules.lease, rules.batch)
    without_contact = [claim.notification_id for claim in claims if claim.recipient is None]
    await uow.notifications.wait_for_contact(without_contact, uow.now + rules.contact_wait)
    return claims
