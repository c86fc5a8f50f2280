"""Notifications: messages to customers and where they are on their way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class NotificationState(StrEnum):
    """Where a message is on its way."""

    PENDING = "pending"
    WAITING_FOR_CONTACT = "waiting_for_contact"
    SENT = "sent"
    FAILED = "failed"
    # It was never sent: it waited for its contact, and then another notification of the order went out in its place.
    SUPERSEDED = "superseded"


class FailureReason(StrEnum):
    """Why a notification failed without the mail server having refused it."""

    NO_CONTACT = "no_contact"
    CONTACT_ERASED = "contact_erased"


class NotificationNotFound(Exception):
    """There is no notification ``notification_id``, or not for this caller."""

    def __init__(self, notification_id: str) -> None:
        super().__init__(notification_id)
        self.notification_id = notification_id


class CannotResend(Exception):
    """The notification cannot be sent again; ``state`` is the one it is in."""

    def __init__(self, state: NotificationState) -> None:
        super().__init__(state)
        self.state = state


class NotificationNotYetSent(CannotResend):
    """The notification is still on its way."""


class NotificationSuperseded(CannotResend):
    """A later notification was sent in its place."""


class RecipientUnknown(CannotResend):
    """Its contact is not known, or not any more."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message to a customer as it stands.

    ``template_data`` is what happened, as data for every language and without personal data. ``recipient``, the
    subject and the bodies are kept from the sending until the contact is erased. ``next_attempt_at`` of one that
    waits for its contact is when it is given up.
    """

    notification_id: str
    order_id: str
    contact_id: str
    template: str
    channel: str
    cause: str
    resend_of: str | None
    template_data: Mapping[str, Any]
    state: NotificationState
    attempts: int
    next_attempt_at: datetime | None
    reason: str | None
    created_at: datetime
    finished_at: datetime | None
    version: int
    recipient: str | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)
    body_text: str | None = field(default=None, repr=False)
    body_html: str | None = field(default=None, repr=False)

    def check_resendable(self, *, contact_known: bool) -> None:
        """Raise CannotResend unless the notification has ended and its contact can be written to."""
        if self.state in {NotificationState.PENDING, NotificationState.WAITING_FOR_CONTACT}:
            raise NotificationNotYetSent(self.state)
        if self.state is NotificationState.SUPERSEDED:
            raise NotificationSuperseded(self.state)
        if not contact_known:
            raise RecipientUnknown(self.state)
