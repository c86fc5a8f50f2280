"""Bodies of ``/v1/notifications``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from notification_service.domain.lines import ChangeKind
from notification_service.domain.notifications import Notification, NotificationState
from service_kit.http.models import RequestModel, ResponseModel


class ChangeView(ResponseModel):
    """One change of one line that a message tells."""

    kind: ChangeKind
    line_id: str
    sku: str = Field(examples=["85123A"])
    name: str | None = Field(examples=["White hanging heart T-light holder"])
    quantity: int = Field(description="Units that changed", examples=[2])
    waiting: int = Field(description="Units of the line that wait afterwards", examples=[2])
    promise_date: date | None
    previous_date: date | None = Field(description="The date that the customer was told before")
    reason: str = Field(description="Of declined units: why, in allocation's English words")
    reason_code: str | None = Field(
        default=None,
        description="Why, as a code, where the customer is told it; new codes may come",
        examples=["other_line_declined"],
    )
    reason_parameters: dict[str, date] = Field(
        default_factory=dict, description="What the customer is told with it: days"
    )


class ContentView(ResponseModel):
    """What was sent to whom; gone once the contact is erased."""

    recipient: str = Field(examples=["ada@example.com"])
    subject: str
    text: str
    html: str


class NotificationView(ResponseModel):
    """A message to a customer."""

    notification_id: str
    order_id: str
    reference: str = Field(description="The caller's own name of the order", examples=["536365"])
    contact_id: str
    template: ChangeKind | Literal["delay_notice", "payment_problem"] = Field(
        description="The kind of change that matters most, or that it is the notice of a delay that was offered, or"
        " about a payment that needs the customer"
    )
    channel: str = Field(examples=["email"])
    state: NotificationState
    attempts: int
    next_attempt_at: datetime | None = Field(description="For a message that waits for its contact: when it gives up")
    reason: str | None = Field(
        description="Why it failed or was superseded, or why the last attempt failed", examples=["no_contact"]
    )
    changes: list[ChangeView]
    offer_ids: list[str] = Field(default_factory=list, description="The offers of delays that it tells of")
    cause: str = Field(description="Id of the event, of the offer, or of the attempt to take money, that caused it")
    resend_of: str | None
    created_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None


class NotificationDetail(NotificationView):
    """A message with its texts."""

    content: ContentView | None = Field(description="Null until it is sent, and after an erasure")


class EmptyBody(RequestModel):
    """The body of a request that takes none, for its fingerprint."""


def notification_view(notification: Notification) -> NotificationView:
    """A notification as it is shown in lists."""
    return NotificationView(**_fields(notification))


def _fields(notification: Notification) -> dict[str, Any]:
    finished, state = notification.finished_at, notification.state
    data = notification.template_data
    return {
        "notification_id": notification.notification_id,
        "order_id": notification.order_id,
        "reference": data["reference"],
        "contact_id": notification.contact_id,
        "template": notification.template,
        "channel": notification.channel,
        "state": state,
        "attempts": notification.attempts,
        "next_attempt_at": notification.next_attempt_at,
        "reason": notification.reason,
        "changes": [change for section in data["sections"] for change in section["changes"]],
        "offer_ids": data.get("offer_ids", []),
        "cause": notification.cause,
        "resend_of": notification.resend_of,
        "created_at": notification.created_at,
        "sent_at": finished if state is NotificationState.SENT else None,
        "failed_at": finished if state is NotificationState.FAILED else None,
    }


def notification_detail(notification: Notification) -> NotificationDetail:
    """A notification as it is shown alone, with its texts."""
    content = None
    if notification.recipient is not None:
        content = ContentView(
            recipient=notification.recipient,
            subject=notification.subject or "",
            text=notification.body_text or "",
            html=notification.body_html or "",
        )
    return NotificationDetail(**_fields(notification), content=content)
