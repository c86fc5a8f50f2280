"""Promise records, offers of delays and refunds in bodies."""

from __future__ import annotations

import datetime as dt
from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from order_service.application.promises.find_promises import LegalRecord
from order_service.application.promises.promise_store import RefundRight
from order_service.domain.promises.records import (
    Basis,
    Choice,
    Offer,
    OfferKind,
    OfferState,
    PromiseRecord,
    SilenceMeans,
)
from order_service.domain.promises.verdict import CancellationCause, LineVerdict, VerdictState
from service_kit.http.fields import Day, Instant
from service_kit.http.models import RequestModel, ResponseModel

_LINE_ID = "0198a3c4-0000-7000-8000-000000000001"
_OFFER_ID = "0198a3c4-0000-7000-8000-000000000002"


class NewReply(RequestModel):
    """What the customer answers to an offer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"answer": "grant_until", "until": "2026-07-15"}]})

    choice: Choice = Field(alias="answer", description="grant_until: accept a delay until a day that the customer sets")
    until: Day | None = Field(default=None, description="With grant_until: its day, not before the one that holds")


class NewNotice(RequestModel):
    """A notice that the merchant has sent by their own means."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"sent_at": "2026-05-20T10:00:00Z", "content_hash": "9f86d081884c7d65" * 4}]}
    )

    sent_at: Instant = Field(description="Not before the offer was made, and not in the future")
    content_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the text that was sent, 64 hexadecimal digits in lower case"
    )


class PromiseRecordView(ResponseModel):
    """A date that was told for a line; rows are added and never changed."""

    line_id: str
    revision: int = Field(description="Counts the records of the line, the first is 1")
    basis: Basis = Field(
        description="quoted by the merchant, statutory where nobody stated a date, or promised by allocation"
    )
    date: dt.date | None = Field(description="Null: it was told that no date can be named")
    time_zone: str
    stated_at: datetime
    cause: str
    promise_revision: int | None = Field(description="Allocation's own count; null: it did not name the date")
    confidence: float | None
    table_version: int | None

    @classmethod
    def of(cls, record: PromiseRecord) -> PromiseRecordView:
        """The view of a record."""
        return cls.model_construct(**{name: getattr(record, name) for name in cls.model_fields})


class OfferedLineView(ResponseModel):
    """The delay of one line."""

    line_id: str
    from_date: date | None = Field(description="The day that held until then")
    to_date: date | None = Field(description="Null: no date can be named")


class ReplyView(ResponseModel):
    """What the customer answered."""

    choice: Choice = Field(serialization_alias="answer")
    until: date | None
    received_at: datetime
    channel: str = Field(description="api, or page: the link in the notice")


class OfferView(ResponseModel):
    """An offer of a delay, which the customer may accept or refuse."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "offer_id": _OFFER_ID,
                    "order_id": "0198a3c4-0000-7000-8000-000000000000",
                    "number": 1,
                    "version": 2,
                    "kind": "delay",
                    "state": "sent",
                    "lines": [{"line_id": _LINE_ID, "from_date": "2026-05-20", "to_date": "2026-06-02"}],
                    "silence_means": "consent",
                    "made_at": "2026-05-12T09:00:00Z",
                    "notice_by": "2026-05-21T04:00:00Z",
                    "respond_by": "2026-06-03T04:00:00Z",
                    "sent_at": "2026-05-12T09:00:02Z",
                    "content_hash": "9f86d081884c7d65" * 4,
                    "notification_id": "0198a3c4-0000-7000-8000-000000000003",
                    "reply": None,
                }
            ]
        }
    )

    offer_id: str
    order_id: str
    number: int = Field(description="Counts the offers of the order")
    version: int = Field(description="Counts the changes of the offer")
    kind: OfferKind
    state: OfferState
    lines: list[OfferedLineView]
    silence_means: SilenceMeans
    made_at: datetime
    notice_by: datetime | None = Field(description="A notice that is sent later cures nothing; null: no such moment")
    respond_by: datetime | None = Field(description="When silence is taken for an answer; null: never")
    sent_at: datetime | None = Field(description="When its notice was sent; the offer counts from then on")
    content_hash: str | None
    notification_id: str | None = Field(description="Null: the merchant sent the notice")
    reply: ReplyView | None

    @classmethod
    def of(cls, order_id: str, offer: Offer) -> OfferView:
        """The view of an offer of an order."""
        plain = cls.model_fields.keys() - {"order_id", "lines", "reply"}
        reply = offer.reply
        return cls.model_construct(
            order_id=order_id,
            lines=[
                OfferedLineView(line_id=one.line_id, from_date=one.from_date, to_date=one.to_date)
                for one in offer.lines
            ],
            reply=None
            if reply is None
            else ReplyView(
                choice=reply.choice, until=reply.until, received_at=reply.received_at, channel=reply.channel
            ),
            **{name: getattr(offer, name) for name in plain},
        )


class LineVerdictView(ResponseModel):
    """What the law says of a line's open units at this moment."""

    line_id: str
    state: VerdictState
    limit: date | None = Field(description="The day by which it has to ship (US) or to be delivered; null: none holds")
    changes_at: datetime | None = Field(description="When this next changes although nothing is told; null: never")

    @classmethod
    def of(cls, verdict: LineVerdict) -> LineVerdictView:
        """The view of a line's verdict."""
        return cls(line_id=verdict.line_id, state=verdict.state, limit=verdict.limit, changes_at=verdict.changes_at)


class RefundView(ResponseModel):
    """Units that were cancelled, and by when what was paid for them must have been sent back, the way it was paid."""

    line_id: str
    units: int
    cause: CancellationCause
    vested_on: date = Field(description="The day on which the right to the refund vested, in the order's time zone")
    refund_due_by: datetime
    fees: bool = Field(description="Nothing of the order was shipped or is left: its fees go back too")

    @classmethod
    def of(cls, right: RefundRight) -> RefundView:
        """The view of a right to a refund."""
        return cls(**{name: getattr(right, name) for name in cls.model_fields})


class PromisesView(ResponseModel):
    """The legal record of an order: what was told and offered, what was answered, and what follows."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "order_id": "0198a3c4-0000-7000-8000-000000000000",
                    "jurisdiction": "US",
                    "time_zone": "America/New_York",
                    "records": [
                        {
                            "line_id": _LINE_ID,
                            "revision": 1,
                            "basis": "quoted",
                            "date": "2026-05-20",
                            "time_zone": "America/New_York",
                            "stated_at": "2026-05-04T10:00:00Z",
                            "cause": "OrderPlaced",
                            "promise_revision": None,
                            "confidence": None,
                            "table_version": None,
                        }
                    ],
                    "offers": [],
                    "verdicts": [
                        {
                            "line_id": _LINE_ID,
                            "state": "on_time",
                            "limit": "2026-05-20",
                            "changes_at": "2026-05-21T04:00:00Z",
                        }
                    ],
                    "refunds": [],
                }
            ]
        }
    )

    order_id: str
    jurisdiction: str | None = Field(description="Null: no consumer law applies that is known here")
    time_zone: str = Field(description="IANA zone in which the order's days end")
    records: list[PromiseRecordView]
    offers: list[OfferView]
    verdicts: list[LineVerdictView]
    refunds: list[RefundView]

    @classmethod
    def of(cls, found: LegalRecord) -> PromisesView:
        """The view of an order's legal record."""
        order_id = found.order.order_id
        return cls.model_construct(
            order_id=order_id,
            jurisdiction=found.order.terms.jurisdiction,
            time_zone=found.zone,
            records=[PromiseRecordView.of(one) for one in found.records],
            offers=[OfferView.of(order_id, offer) for offer in found.offers],
            verdicts=[LineVerdictView.of(one) for one in found.verdict.lines],
            refunds=[RefundView.of(one) for one in found.refunds],
        )
