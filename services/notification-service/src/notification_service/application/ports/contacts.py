"""The store of contacts, the one place that holds personal data on purpose."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from notification_service.domain.contacts import Contact


class ContactStore(Protocol):
    """Contacts. Notifications keep copies of the address, which erasing a contact removes as well."""

    async def lock(self, contact_id: str) -> Contact | None:
        """The contact, locked until the transaction ends; None if there is none."""
        ...

    async def put(self, contact_id: str, email: str, locale: str, time_zone: str, now: datetime) -> Contact:
        """Create or replace the contact. Its version is higher than any that a contact had before."""
        ...

    async def delete(self, contact_id: str) -> None:
        """Remove the contact for good."""
        ...

    async def known(self, contact_ids: Collection[str]) -> set[str]:
        """Which of the contacts exist."""
        ...

    async def lock_known(self, contact_ids: Collection[str]) -> set[str]:
        """Which of the contacts exist; those cannot be erased until the transaction ends. Locked by id."""
        ...
