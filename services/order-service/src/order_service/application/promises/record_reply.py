"""Use case: a customer answers an offer of a delay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from order_service.application.errors import OrderNotFound
from order_service.application.ports import OrderUnitOfWork
from order_service.application.promises.cancel_units import (
    CancelledBy,
    UnitsCancelled,
    cancel_units,
    store_cancelled,
)
from order_service.application.promises.delay_events import delay_event
from order_service.application.promises.judge_orders import LawRules
from order_service.application.promises.promise_store import LAW, OwnedOffer
from order_service.domain.order import Order
from order_service.domain.promises.calendar import day_of
from order_service.domain.promises.recording import LegalTerms
from order_service.domain.promises.records import Choice, Offer, Reply
from order_service.domain.promises.replies import OfferNotFound, reply_to
from order_service.domain.promises.verdict import Cancellation, CancellationCause


@dataclass(frozen=True, slots=True)
class ReplyToOffer:
    """The answer to an offer of this order; ``customer_id`` limits it to orders of that customer."""

    order_id: str
    offer_id: str
    reply: Reply
    customer_id: str | None = None


async def record_reply(uow: OrderUnitOfWork, command: ReplyToOffer, rules: LawRules) -> Offer:
    """Take the answer, under the order's lock; the offer after it.

    To wait or to grant time is stored and told by `DelayConsentRecorded`; to cancel also cancels the open units of the
    offer's lines, and a right to a refund vests. The same answer again has no other effect. Raises OrderNotFound,
    OfferNotFound, InvalidReply and ReplyRefused.
    """
    orders = await uow.orders.lock({command.order_id: [command.customer_id]})
    order = orders.get(command.order_id)
    if order is None:
        raise OrderNotFound
    offers = await uow.promises.offers_of_orders([command.order_id])
    offer = next((one for one in offers[command.order_id] if one.offer_id == command.offer_id), None)
    if offer is None:
        raise OfferNotFound
    zone = LegalTerms.of(order).zone
    anything_open = any(order.lines[line.line_id].totals.open > 0 for line in offer.lines)
    replied = reply_to(offer, command.reply, zone, anything_open=anything_open)
    if not replied.is_new:
        return offer
    await uow.promises.save_offers([OwnedOffer(order.order_id, replied.offer)])
    await uow.publish([delay_event(order, replied.offer, uow.now, rules.link, replied=True)])
    if command.reply.choice is Choice.CANCEL:
        await _cancel(uow, order, replied.offer, command.reply.received_at, rules)
    await uow.promises.hint_deadlines(LAW, {order.order_id: command.reply.received_at})
    return replied.offer


async def _cancel(uow: OrderUnitOfWork, order: Order, offer: Offer, received_at: datetime, rules: LawRules) -> None:
    cancellation = Cancellation(CancellationCause.CUSTOMER, day_of(received_at, LegalTerms.of(order).zone))
    by = CancelledBy({line.line_id: cancellation for line in offer.lines}, received_at, uow.now, offer.offer_id)
    done = UnitsCancelled()
    cancel_units(done, order, by, rules.refunds)
    await store_cancelled(uow, done)
