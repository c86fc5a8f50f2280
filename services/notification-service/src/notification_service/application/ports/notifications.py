"""The store of notifications, and what it hands to the use cases that send them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from notification_service.application.ports.mail import Mail, Recipient
from notification_service.domain.notifications import Notification
from notification_service.domain.orders import Baseline


@dataclass(frozen=True, slots=True)
class NewNotification:
    """A notification to be queued.

    ``template_data`` is what happened, as data and without personal data. ``baseline`` is what the customer had
    been told before; a resend has none.
    """

    notification_id: str
    order_id: str
    contact_id: str
    template: str
    cause: str
    template_data: Mapping[str, Any]
    resend_of: str | None = None
    baseline: Baseline | None = None


@dataclass(frozen=True, slots=True)
class UnsentNotification:
    """A notification that nobody has tried to send yet.

    ``baseline`` is what the customer had been told before it; None where that is not stored.
    """

    notification_id: str
    order_id: str
    contact_id: str
    baseline: Baseline | None


@dataclass(frozen=True, slots=True)
class NotificationRewrite:
    """What an unsent notification says from now on, and what the customer had been told before it."""

    notification_id: str
    template: str
    template_data: Mapping[str, Any]
    baseline: Baseline


@dataclass(frozen=True, slots=True)
class OpenNotification:
    """A notification that has neither been sent nor failed."""

    notification_id: str
    order_id: str
    contact_id: str
    template: str
    attempts: int


@dataclass(frozen=True, slots=True)
class ClaimedNotification(OpenNotification):
    """A notification to be sent now; no other worker takes it before the lease ends.

    ``recipient`` is None where its contact is not known.
    """

    template_data: Mapping[str, Any]
    recipient: Recipient | None


@dataclass(frozen=True, slots=True)
class NotificationResult:
    """The end of a notification: sent, or failed for ``reason``. ``mail`` is what was sent or tried last."""

    notification: OpenNotification
    reason: str | None = None
    mail: Mail | None = field(default=None, repr=False)

    @property
    def sent(self) -> bool:
        """Whether the mail server took it."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class NotificationRetry:
    """A notification to be tried again at ``at``, and why the last attempt failed."""

    notification_id: str
    at: datetime
    reason: str


class NotificationStore(Protocol):
    """Notifications: queued, claimed, sent, or waiting for their contact."""

    async def add(self, notifications: Sequence[NewNotification], now: datetime) -> None:
        """Queue notifications. One that exists for its cause, contact and template is left out, except for resends."""
        ...

    async def claim_due(self, now: datetime, lease_until: datetime, limit: int) -> list[ClaimedNotification]:
        """Take notifications to be sent now: the oldest pending one of each order, every notice of a delay, and every
        message about a payment; counts as an attempt.

        They are due again at ``lease_until`` if nothing is recorded before.
        """
        ...

    async def wait_for_contact(self, notification_ids: Collection[str], until: datetime) -> None:
        """Let claimed notifications wait for their contact; the claim does not count as an attempt after all."""
        ...

    async def resumable_orders(self, limit: int, contact_id: str | None = None) -> list[str]:
        """Ids of orders with notifications that wait for a contact (or for this contact) that is known by now."""
        ...

    async def lock_unsent(self, order_ids: Collection[str]) -> list[UnsentNotification]:
        """Notifications of the orders that nobody has tried to send and whose contact is known, oldest first, locked.

        Resends only where they wait for their contact. The caller has locked the orders.
        """
        ...

    async def requeue(self, notification_ids: Collection[str], now: datetime) -> None:
        """Queue notifications that wait for their contact as they are."""
        ...

    async def rewrite(self, rewrites: Sequence[NotificationRewrite], now: datetime) -> None:
        """Queue unsent notifications with other contents."""
        ...

    async def supersede(self, notification_ids: Collection[str], now: datetime) -> None:
        """End notifications that another one of their order replaces; nothing is sent for them."""
        ...

    async def supersede_notices(self, offer_ids: Collection[str], now: datetime) -> None:
        """End the notices of delays that these offers caused, where they have not ended yet; resends go on."""
        ...

    async def supersede_payment_problems(
        self, versions: Mapping[str, int], causes: Collection[str], now: datetime
    ) -> None:
        """End the messages about payments of these orders, by id, that an older version of the payment caused, where
        they have not ended yet and their cause is none of ``causes``; resends go on."""
        ...

    async def overdue(self, now: datetime, limit: int) -> list[OpenNotification]:
        """Notifications that have waited for their contact for too long."""
        ...

    async def open_of_contact(self, contact_id: str) -> list[OpenNotification]:
        """The contact's notifications that have neither been sent nor failed."""
        ...

    async def retry(self, retries: Sequence[NotificationRetry]) -> None:
        """Schedule the next attempts of pending notifications."""
        ...

    async def finish(
        self, results: Sequence[NotificationResult], now: datetime, keep_texts_of: Collection[str]
    ) -> list[NotificationResult]:
        """Record how notifications ended; returns the results of those that were still open.

        Recipient and texts are stored for the contacts ``keep_texts_of`` only.
        """
        ...

    async def erase_texts(self, contact_id: str) -> None:
        """Remove recipient and texts of all notifications to the contact."""
        ...

    async def lock(self, notification_ids: Collection[str]) -> dict[str, Notification]:
        """Notifications by id, without their texts, locked against a change of state."""
        ...
