"""Contacts: kept, replaced, erased."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.application.publishing import conclude
from notification_service.application.records import Contact
from notification_service.application.waking import wake
from service_kit.http.problems import not_found
from service_kit.runtime.clock import Clock

ERASED = "contact_erased"

Precondition = Callable[[Contact], None]
"""Raises where the contact is not the version that the caller has read."""


@dataclass(frozen=True, slots=True)
class PutContact:
    """How to reach somebody, as the caller states it (validated)."""

    contact_id: str
    email: str = field(repr=False)
    locale: str
    time_zone: str


async def put_contact(
    uow: UnitOfWorkFactory, clock: Clock, command: PutContact, precondition: Precondition
) -> tuple[Contact, bool]:
    """Create or replace a contact; (it, whether it is new). Messages that waited for it are queued.

    A repeat of what is known already changes nothing, not even the version.
    """
    async with uow.transaction() as work:
        now = clock.now()
        before = await work.contacts.find(command.contact_id, lock=True)
        if before is not None:
            precondition(before)
            if (before.email, before.locale, before.time_zone) == (command.email, command.locale, command.time_zone):
                return before, False
        contact = await work.contacts.put(command.contact_id, command.email, command.locale, command.time_zone, now)
        await wake(work, now, command.contact_id)
        return contact, before is None


async def read_contact(uow: UnitOfWorkFactory, contact_id: str) -> Contact:
    """One contact; Problem 404."""
    async with uow.reading() as work:
        contact = await work.contacts.find(contact_id)
    if contact is None:
        raise not_found("contact")
    return contact


async def erase_contact(uow: UnitOfWorkFactory, clock: Clock, contact_id: str, precondition: Precondition) -> None:
    """Remove all personal data of a contact: itself, and recipient and texts of every message to it.

    Messages not yet sent end as failed. Problem 404 where there is none.
    """
    async with uow.transaction() as work:
        contact = await work.contacts.find(contact_id, lock=True)
        if contact is None:
            raise not_found("contact")
        precondition(contact)
        await work.contacts.delete(contact_id)
        await conclude(work, await work.notifications.unfinished_of(contact_id, ERASED), clock.now())
        await work.notifications.erase(contact_id)
