"""Events of the ``notifications`` topic, keyed by order."""

from __future__ import annotations

from pydantic import Field

from event_contracts.model import Identifier, Instant, Payload


class NotificationOutcome(Payload):
    """``NotificationSent`` and ``NotificationFailed``: what became of one message. No address, ids only."""

    notification_id: Identifier
    order_id: Identifier
    contact_id: Identifier | None = None
    template: Identifier
    channel: Identifier
    attempts: int = Field(ge=0)
    reason: str | None = Field(default=None, max_length=500)
    occurred_at: Instant
    offer_ids: tuple[Identifier, ...] = Field(default=(), description="The offers of delays that it told of")
    content_hash: str | None = Field(
        default=None, max_length=100, description="SHA-256 of the text that was sent, in hexadecimal digits"
    )
