"""Use cases: record that the notice of an offer was sent, by notification or by the merchant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from event_contracts import Event, NotificationOutcome
from order_service.application.errors import OrderNotFound
from order_service.application.ports import OrderUnitOfWork
from order_service.application.promises.delay_events import OfferLink, delay_event
from order_service.application.promises.promise_store import LAW, OwnedOffer
from order_service.domain.order import Order
from order_service.domain.promises.records import Offer
from order_service.domain.promises.replies import InvalidReply, OfferNotFound, ReplyRefused
from service_kit.messaging.believed_times import believable

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clock of whoever sends notices may be behind ours."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice of an offer: when it was sent, and the hash of its text."""

    offer_id: str
    sent_at: datetime
    content_hash: str | None
    notification_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordNotice:
    """A merchant has sent the notice of an offer of this order by their own means."""

    order_id: str
    notice: Notice


async def record_sent_notices(uow: OrderUnitOfWork, events: Sequence[Event], *, link: OfferLink) -> None:
    """Record which offers notification's messages told of. The first notice of an offer counts; repetitions and
    messages about offers that are not known here change nothing."""
    notices: dict[str, Notice] = {}
    for event in believable(events, uow.now):
        outcome = event.payload
        if isinstance(outcome, NotificationOutcome):
            for offer_id in outcome.offer_ids:
                told = Notice(offer_id, outcome.occurred_at, outcome.content_hash, outcome.notification_id)
                notices.setdefault(offer_id, told)
    if not notices:
        return
    owners = await uow.promises.orders_of_offers(set(notices))
    await _record(uow, owners, notices, link)


async def record_notice(uow: OrderUnitOfWork, command: RecordNotice, *, link: OfferLink) -> Offer:
    """Record a merchant's own notice; the offer after it.

    The same notice again changes nothing. Raises OrderNotFound, OfferNotFound, InvalidReply for a notice from before
    the offer, and ReplyRefused where another notice is recorded already, or the offer is over.
    """
    notice = command.notice
    orders = await uow.orders.lock({command.order_id: [None]})
    if command.order_id not in orders:
        raise OrderNotFound
    offer = _find(await uow.promises.offers_of_orders([command.order_id]), command.order_id, notice.offer_id)
    if notice.sent_at < offer.made_at - CLOCKS_DIFFER:
        raise InvalidReply("sent_at", f"It lies before the offer was made, {offer.made_at.isoformat()}.")
    if offer.notice_is_presumed:
        return await _save(uow, orders[command.order_id], offer, notice, link)
    if offer.sent_at is not None:
        if (offer.sent_at, offer.content_hash) == (notice.sent_at, notice.content_hash):
            return offer
        raise ReplyRefused(
            "notice_recorded", f"A notice is recorded already, sent at {offer.sent_at.isoformat()}.", offer, offer.state
        )
    if not offer.is_open:
        raise ReplyRefused("offer_over", f"The offer is {offer.state}: no notice is needed.", offer, offer.state)
    return await _save(uow, orders[command.order_id], offer, notice, link)


async def _record(
    uow: OrderUnitOfWork, owners: Mapping[str, str], notices: Mapping[str, Notice], link: OfferLink
) -> None:
    orders = await uow.orders.lock({order_id: [None] for order_id in set(owners.values())})
    offers = await uow.promises.offers_of_orders(list(orders))
    for offer_id, order_id in sorted(owners.items()):
        offer = next((one for one in offers.get(order_id, ()) if one.offer_id == offer_id), None)
        if offer is not None and (offer.sent_at is None or offer.notice_is_presumed):
            await _save(uow, orders[order_id], offer, notices[offer_id], link)


async def _save(uow: OrderUnitOfWork, order: Order, offer: Offer, notice: Notice, link: OfferLink) -> Offer:
    sent = replace(
        offer,
        sent_at=min(notice.sent_at, offer.sent_at or notice.sent_at),
        content_hash=notice.content_hash,
        notification_id=notice.notification_id,
        version=offer.version + 1,
    )
    sent = replace(sent, state=sent.state_at(notice.sent_at))
    await uow.promises.save_offers([OwnedOffer(order.order_id, sent)])
    await uow.publish([delay_event(order, sent, uow.now, link)])
    await uow.promises.hint_deadlines(LAW, {order.order_id: notice.sent_at})
    return sent


def _find(offers: Mapping[str, Sequence[Offer]], order_id: str, offer_id: str) -> Offer:
    found = next((one for one in offers.get(order_id, ()) if one.offer_id == offer_id), None)
    if found is None:
        raise OfferNotFound
    return found
