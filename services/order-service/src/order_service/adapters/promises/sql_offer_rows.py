"""The rows of offers, their lines and their replies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from order_service.application.promises.promise_store import OwnedOffer
from order_service.domain.promises.records import (
    Choice,
    Offer,
    OfferedLine,
    OfferKind,
    OfferState,
    Reply,
    SilenceMeans,
)
from service_kit.persistence.bulk import Columns

OFFER_COLUMNS: Columns = (
    ("offer_id", "text"),
    ("order_id", "text"),
    ("number", "int"),
    ("kind", "text"),
    ("silence_means", "text"),
    ("made_at", "timestamptz"),
    ("notice_by", "timestamptz"),
    ("respond_by", "timestamptz"),
    ("version", "bigint"),
    ("due_at", "timestamptz"),
    ("sent_at", "timestamptz"),
    ("notification_id", "text"),
    ("content_hash", "text"),
    ("superseded", "boolean"),
    ("state", "text"),
)

CHANGEABLE = OFFER_COLUMNS[8:]
"""What may change of an offer."""

OFFERED_LINE_COLUMNS: Columns = (
    ("offer_id", "text"),
    ("line_id", "text"),
    ("from_date", "date"),
    ("to_date", "date"),
)

REPLY_COLUMNS: Columns = (
    ("offer_id", "text"),
    ("choice", "text"),
    ("until", "date"),
    ("received_at", "timestamptz"),
    ("channel", "text"),
)

SELECT_OFFERS = """
    SELECT o.*, l.lines, r.choice, r.until, r.received_at, r.channel
    FROM delay_offer o
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(line_id, from_date, to_date) ORDER BY line_id) AS lines
        FROM delay_offer_line WHERE offer_id = o.offer_id
    ) l
    LEFT JOIN LATERAL (
        SELECT choice, until, received_at, channel FROM delay_reply
        WHERE offer_id = o.offer_id ORDER BY number DESC LIMIT 1
    ) r ON true
"""
"""Offers with their lines and their newest reply, for `offer_of`."""


def offer_rows(offers: Sequence[OwnedOffer]) -> list[tuple[Any, ...]]:
    """The values of OFFER_COLUMNS."""
    return [
        (
            one.offer_id,
            order_id,
            one.number,
            one.kind.value,
            one.silence_means.value,
            one.made_at,
            one.notice_by,
            one.respond_by,
            one.version,
            one.due_at,
            one.sent_at,
            one.notification_id,
            one.content_hash,
            one.superseded,
            one.state.value,
        )
        for order_id, one in offers
    ]


def line_rows(offers: Iterable[Offer]) -> list[tuple[Any, ...]]:
    """The values of OFFERED_LINE_COLUMNS."""
    return [(offer.offer_id, one.line_id, one.from_date, one.to_date) for offer in offers for one in offer.lines]


def reply_rows(offers: Iterable[Offer]) -> list[tuple[Any, ...]]:
    """The values of REPLY_COLUMNS, of those offers that have a reply."""
    return [
        (offer.offer_id, reply.choice.value, reply.until, reply.received_at, reply.channel)
        for offer in offers
        if (reply := offer.reply) is not None
    ]


def offer_of(row: Any) -> Offer:
    """The offer of a row of SELECT_OFFERS."""
    reply = None
    if row["choice"] is not None:
        reply = Reply(Choice(row["choice"]), row["received_at"], row["until"], row["channel"])
    return Offer(
        offer_id=row["offer_id"],
        number=row["number"],
        kind=OfferKind(row["kind"]),
        lines=tuple(OfferedLine(line_id, _day(begin), _day(end)) for line_id, begin, end in row["lines"]),
        silence_means=SilenceMeans(row["silence_means"]),
        made_at=row["made_at"],
        notice_by=row["notice_by"],
        respond_by=row["respond_by"],
        sent_at=row["sent_at"],
        reply=reply,
        superseded=row["superseded"],
        version=row["version"],
        state=OfferState(row["state"]),
        notification_id=row["notification_id"],
        content_hash=row["content_hash"],
    )


def _day(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)
