"""Queueing the notices of delays that the order service offers to customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from event_contracts import DelayOffer, Event, new_event_id
from notification_service.application.ports.notifications import NewNotification
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.delay_notices import DELAY_NOTICE, OfferVersion, offers_that_are_over
from notification_service.domain.orders import OrderProjection


async def queue_delay_notices(
    uow: NotificationUnitOfWork, events: Sequence[Event], orders: Mapping[str, OrderProjection]
) -> None:
    """Queue one notice for each offer, to be sent at once, and end those of offers that are over and were not sent.

    The offer is the notice's cause, so that there is one notice of it however often it is told. An order without a
    contact gets none: the order service raises the alarm for an offer that nobody sends. The orders are locked.
    """
    offers = [event.payload for event in events if isinstance(event.payload, DelayOffer)]
    if not offers:
        return
    names = await uow.orders.sku_names({line.sku for offer in offers for line in offer.lines})
    notices = [
        NewNotification(
            notification_id=new_event_id(),
            order_id=offer.order_id,
            contact_id=contact_id,
            template=DELAY_NOTICE,
            cause=offer.offer_id,
            template_data=_template_data(offer, orders[offer.order_id], names),
        )
        for offer in announced_offers(events, orders)
        if (contact_id := orders[offer.order_id].contact_id) is not None
    ]
    if notices:
        await uow.notifications.add(notices, uow.now)
    over = offers_that_are_over(OfferVersion(offer.offer_id, offer.version, offer.state) for offer in offers)
    if over:
        await uow.notifications.supersede_notices(over, uow.now)


def announced_offers(events: Sequence[Event], orders: Mapping[str, OrderProjection]) -> list[DelayOffer]:
    """The offers among the events of which a notice tells: those that are open, to somebody who can be written to."""
    offers = [event.payload for event in events if isinstance(event.payload, DelayOffer)]
    return [one for one in offers if one.state == "offered" and orders[one.order_id].contact_id is not None]


def _template_data(offer: DelayOffer, order: OrderProjection, names: Mapping[str, str]) -> dict[str, Any]:
    """The notice as JSON data. Nothing in it is personal."""
    return {
        "reference": order.reference,
        "placed_at": order.placed_at.isoformat() if order.placed_at else None,
        "sections": [],
        "offer_ids": [offer.offer_id],
        "silence_means": offer.silence_means,
        "respond_by": offer.respond_by.isoformat() if offer.respond_by else None,
        "time_zone": offer.time_zone,
        "reply_url": offer.reply_url,
        "delayed": [
            {
                "line_id": line.line_id,
                "sku": line.sku,
                "name": names.get(line.sku),
                "from_date": line.from_date.isoformat() if line.from_date else None,
                "to_date": line.to_date.isoformat() if line.to_date else None,
            }
            for line in offer.lines
        ],
    }
