"""Erasing contacts."""

from __future__ import annotations

from notification_service.application.notifications.finish_notifications import finish_notifications
from notification_service.application.ports.notifications import NotificationResult
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.contacts import ContactNotFound
from notification_service.domain.notifications import FailureReason
from service_kit.commands.expected_version import ExpectedVersion, check_version


async def erase_contact(uow: NotificationUnitOfWork, contact_id: str, expected: ExpectedVersion | None = None) -> None:
    """Remove all personal data of a contact: the contact, and recipient and texts of every notification to it.

    Notifications that have not been sent fail with the reason ``contact_erased``. Raises ContactNotFound and
    VersionMismatch.
    """
    contact = await uow.contacts.lock(contact_id)
    if contact is None:
        raise ContactNotFound(contact_id)
    check_version(expected, contact.version)
    await uow.contacts.delete(contact_id)
    unsent = await uow.notifications.open_of_contact(contact_id)
    reason = FailureReason.CONTACT_ERASED.value
    await finish_notifications(uow, [NotificationResult(notification, reason) for notification in unsent])
    await uow.notifications.erase_texts(contact_id)
