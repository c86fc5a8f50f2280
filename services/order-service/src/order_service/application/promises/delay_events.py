"""The one place where an offer of a delay becomes an event of the public contract."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from event_contracts import DelayedLine, DelayOffer, DelayReply, Event, new_event
from event_contracts.sources import ORDER_SOURCE
from order_service.domain.order import Order
from order_service.domain.promises.recording import LegalTerms
from order_service.domain.promises.records import Offer

OfferLink = Callable[[str, Offer], str | None]
"""The link that opens an offer of an order to whoever has it; None where links are not set up."""


def delay_event(order: Order, offer: Offer, now: datetime, link: OfferLink, *, replied: bool = False) -> Event:
    """The event that tells where an offer is: `DelayConsentRecorded` after a reply, else `DelayOffered`."""
    payload = DelayOffer(
        order_id=order.order_id,
        offer_id=offer.offer_id,
        version=offer.version,
        number=offer.number,
        kind=offer.kind.value,
        lines=tuple(
            DelayedLine(
                line_id=line.line_id,
                sku=order.lines[line.line_id].sku,
                from_date=line.from_date,
                to_date=line.to_date,
            )
            for line in offer.lines
        ),
        silence_means=offer.silence_means.value,
        respond_by=offer.respond_by,
        notice_by=offer.notice_by,
        time_zone=LegalTerms.of(order).zone,
        state=offer.state.value,
        made_at=offer.made_at,
        reply=_reply(offer),
        reply_url=link(order.order_id, offer) if offer.is_open else None,
    )
    name = "DelayConsentRecorded" if replied else "DelayOffered"
    return new_event(name, payload, source=ORDER_SOURCE, sequence=offer.version, now=now)


def _reply(offer: Offer) -> DelayReply | None:
    if offer.reply is None:
        return None
    return DelayReply(choice=offer.reply.choice.value, until=offer.reply.until, received_at=offer.reply.received_at)
