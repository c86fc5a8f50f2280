"""What the use cases and the stores hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from notification_service.domain.lines import Told

ToldBefore = Mapping[str, Told]
"""What the customer knew of each line before a message."""


class NotificationState(StrEnum):
    """Where a message is on its way."""

    PENDING = "pending"
    WAITING_FOR_CONTACT = "waiting_for_contact"
    SENT = "sent"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Contact:
    """A person to be told. Personal data: never in events or logs."""

    contact_id: str
    email: str = field(repr=False)
    locale: str
    time_zone: str
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewNotification:
    """A message to be sent. ``facts`` say what happened, in data and without personal data."""

    notification_id: str
    order_id: str
    contact_id: str
    template: str
    cause: str
    facts: Mapping[str, Any]
    resend_of: str | None = None
    told_before: ToldBefore | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message that nobody has tried to send; ``told_before`` is None where that was not kept."""

    notification_id: str
    order_id: str
    contact_id: str
    told_before: ToldBefore | None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What an unsent message says instead."""

    notification_id: str
    template: str
    facts: Mapping[str, Any]
    told_before: ToldBefore


@dataclass(frozen=True, slots=True)
class Notification:
    """A message as it stands. ``recipient`` and the texts are there from the sending to the erasure."""

    notification_id: str
    order_id: str
    contact_id: str
    template: str
    channel: str
    cause: str
    resend_of: str | None
    facts: Mapping[str, Any]
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


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A message whose turn it is, with its recipient; no other worker takes it before the lease ends."""

    notification_id: str
    order_id: str
    contact_id: str
    template: str
    attempts: int
    facts: Mapping[str, Any]
    email: str | None = field(repr=False)
    locale: str | None
    time_zone: str | None


@dataclass(frozen=True, slots=True)
class Mail:
    """A rendered message, ready to be sent. ``message_id`` is the same at every attempt."""

    notification_id: str
    template: str
    message_id: str
    recipient: str = field(repr=False)
    locale: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


class Handover(StrEnum):
    """What became of one attempt to hand a message over."""

    DONE = "done"
    TRY_AGAIN = "try_again"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class MailResult:
    """The mail server's answer; ``reason`` holds no personal data."""

    handover: Handover
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a message: sent, or failed for ``reason``."""

    notification_id: str
    order_id: str
    contact_id: str
    template: str
    attempts: int
    reason: str | None = None
    mail: Mail | None = None

    @property
    def sent(self) -> bool:
        """Whether it reached the mail server."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Retry:
    """A message to be tried again."""

    notification_id: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A merchant's webhook endpoint and its health. No event types means: all of them."""

    endpoint_id: str
    url: str
    description: str
    event_types: tuple[str, ...]
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    created_at: datetime
    version: int
    failing_since: datetime | None = None
    consecutive_failures: int = 0
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    pending: int = 0


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One event as merchants get it."""

    event_id: str
    event_type: str
    body: str


@dataclass(frozen=True, slots=True)
class ClaimedWebhook:
    """A delivery whose turn it is."""

    endpoint_id: str
    event_id: str
    event_type: str
    attempts: int
    body: str = field(repr=False)
    url: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What an endpoint answered: its status, or None and the reason why there was no answer."""

    status: int | None
    error: str | None
    seconds: float

    @property
    def accepted(self) -> bool:
        """Whether the endpoint took it (any 2xx)."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class WebhookResult:
    """One attempt at a delivery; ``retry_at`` None after a failure means that it was the last."""

    claim: ClaimedWebhook
    answer: WebhookAnswer
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook delivery as merchants see it."""

    event_id: str
    event_type: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None
