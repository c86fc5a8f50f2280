"""Creating and replacing contacts."""

from __future__ import annotations

from dataclasses import dataclass, field

from notification_service.application.notifications.resume_waiting_notifications import (
    resume_waiting_notifications,
)
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.contacts import Contact
from service_kit.commands.expected_version import ExpectedVersion, check_version


@dataclass(frozen=True, slots=True)
class PutContact:
    """How to reach a customer, as the caller states it; all fields are valid."""

    contact_id: str
    email: str = field(repr=False)
    locale: str
    time_zone: str
    expected: ExpectedVersion | None = None


@dataclass(frozen=True, slots=True)
class ContactPut:
    """The contact as it is now, and whether it was created."""

    contact: Contact
    created: bool


async def put_contact(uow: NotificationUnitOfWork, command: PutContact) -> ContactPut:
    """Create or replace a contact, and queue the notifications that wait for it.

    A repeat of what is stored changes nothing, not even the version. Raises VersionMismatch, also where a version is
    expected and there is no contact.
    """
    before = await uow.contacts.lock(command.contact_id)
    check_version(command.expected, before.version if before else None)
    if before is not None and _matches(before, command):
        return ContactPut(before, created=False)
    contact = await uow.contacts.put(command.contact_id, command.email, command.locale, command.time_zone, uow.now)
    await resume_waiting_notifications(uow, command.contact_id)
    return ContactPut(contact, created=before is None)


def _matches(contact: Contact, command: PutContact) -> bool:
    return (contact.email, contact.locale, contact.time_zone) == (command.email, command.locale, command.time_zone)
