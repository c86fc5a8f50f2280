"""Events of the ``orders`` topic about delays: what a customer was offered, and what they answered."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from event_contracts.model import Identifier, Instant, Payload, PlannedInstant, Version


class DelayedLine(Payload):
    """A line of a delay: from the day that held until now to the new one."""

    line_id: Identifier
    sku: Identifier
    from_date: date | None = None
    to_date: date | None = Field(default=None, description="Null: no date can be named")


class DelayReply(Payload):
    """What the customer answered."""

    choice: str = Field(description="wait, cancel or grant_until; new ones may come")
    until: date | None = Field(default=None, description="With grant_until")
    received_at: Instant


class DelayOffer(Payload):
    """``DelayOffered`` and ``DelayConsentRecorded``: an offer as it is now, with the customer's reply if there is one.

    ``version`` counts the changes of the offer. A notice says what silence means, and may link to ``reply_url``, which
    opens this one offer to whoever has it, until it can no longer be answered.
    """

    order_id: Identifier
    offer_id: Identifier
    version: Version
    number: int = Field(ge=1, description="Counts the offers of the order")
    kind: str = Field(description="delay or further_delay; new ones may come")
    lines: tuple[DelayedLine, ...]
    silence_means: str = Field(description="consent, cancellation or nothing")
    respond_by: PlannedInstant | None = Field(
        default=None, description="When silence is taken for an answer; null: never"
    )
    notice_by: PlannedInstant | None = Field(
        default=None, description="A notice that is sent later cures nothing; null: there is no such moment"
    )
    time_zone: str = Field(default="UTC", description="IANA zone in which the order's days end")
    state: str = Field(description="offered, sent, consented, refused, lapsed or superseded")
    made_at: Instant
    reply: DelayReply | None = None
    reply_url: str | None = Field(default=None, max_length=1000, description="Null: links are not set up")
