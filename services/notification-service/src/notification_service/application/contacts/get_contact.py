"""Reading contacts."""

from __future__ import annotations

from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.contacts import Contact, ContactNotFound


async def get_contact(uow: NotificationUnitOfWork, contact_id: str) -> Contact:
    """The contact. Raises ContactNotFound."""
    contact = await uow.queries.contact(contact_id)
    if contact is None:
        raise ContactNotFound(contact_id)
    return contact
