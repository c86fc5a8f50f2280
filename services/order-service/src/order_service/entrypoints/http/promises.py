"""What was told of an order's dates, the offers of delays, and answers to them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from order_service.application.promises.find_promises import find_offers_due, find_promises
from order_service.application.promises.promise_store import OfferPlace
from order_service.application.promises.record_notices import Notice, RecordNotice, record_notice
from order_service.application.promises.record_reply import ReplyToOffer, record_reply
from order_service.domain.promises.records import Reply
from order_service.entrypoints.http.dependencies import (
    Application,
    Caller,
    NoticeWriter,
    Reader,
    Writer,
    visible_to,
)
from order_service.entrypoints.http.fields import OfferId, OrderId
from order_service.entrypoints.http.promise_schemas import NewNotice, NewReply, OfferView, PromisesView
from service_kit.commands.execute import execute, read
from service_kit.http.fields import Instant
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import FieldError, unprocessable
from service_kit.runtime.believed_time import find_fault

router = APIRouter(prefix="/v1", tags=["promises"])


@router.get("/orders/{order_id}/promises", summary="Read an order's legal record")
async def get_promises(
    *, principal: Caller, order_id: OrderId, application: Application, response: Response
) -> PromisesView:
    """Every date that was told, the offers of delays with their answers, what the law says now, and refunds.

    Dates are recorded of orders under a consumer law, and of those with a latest acceptable date.
    """
    now = application.business_clock.now()
    found = await read(application.units, find_promises, order_id, visible_to(principal), now)
    if principal.order_id is not None:
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "private, no-store"
    return PromisesView.of(found)


@router.get("/offers", summary="List offers that are due")
async def list_offers(
    *,
    principal: Reader,
    application: Application,
    request: Request,
    response: Response,
    page: PageParams,
    due_before: Annotated[Instant, Query(description="Offers whose notice or answer is due before")],
) -> Page[OfferView]:
    """Offers whose notice, or once that was sent, whose answer is due before a moment; the earliest first."""
    cursor = page.after(datetime, str)
    after = None if cursor is None else OfferPlace(*cursor)
    found = await read(
        application.units, find_offers_due, due_before, principal.customer_id, after=after, limit=page.limit + 1
    )
    shown = found[: page.limit]
    next_cursor = None
    if len(found) > page.limit:
        last = shown[-1].offer
        next_cursor = encode_cursor(last.due_at, last.offer_id)
    link_header(response, request, next_cursor)
    return Page(data=[OfferView.of(one.order_id, one.offer) for one in shown], next_cursor=next_cursor)


@router.post("/orders/{order_id}/offers/{offer_id}/answer", summary="Answer an offer of a delay")
async def post_reply(
    *, principal: Writer, order_id: OrderId, offer_id: OfferId, body: NewReply, application: Application
) -> OfferView:
    """Record what the customer answered; it counts from when it is received here.

    `wait` accepts the offered date, `grant_until` a delay until another day, `cancel` cancels the open units of the
    offer's lines. The same answer again changes nothing. Refused with 409, and the offer's state: to wait after a
    cancellation, an answer after `respond_by`, to wait for an offer that a newer one replaced, lines of which nothing
    is open any more. An `until` that is missing, too early or too far is refused with 422.
    """
    reply = Reply(body.choice, application.business_clock.now(), body.until)
    command = ReplyToOffer(order_id, offer_id, reply, principal.customer_id)
    offer = await execute(application.units, record_reply, command, application.law)
    return OfferView.of(order_id, offer)


@router.post("/orders/{order_id}/offers/{offer_id}/notice", summary="Record a notice that the merchant sent")
async def post_notice(
    *, principal: NoticeWriter, order_id: OrderId, offer_id: OfferId, body: NewNotice, application: Application
) -> OfferView:
    """Record when the notice of an offer was sent, and the hash of its text, for merchants who send it themselves.

    The first notice of an offer counts: another one is refused with 409, and so is one of an offer that is over.
    """
    fault = find_fault(body.sent_at, application.clock.now())
    if fault is not None:
        raise unprocessable([FieldError("/sent_at", fault)])
    notice = Notice(offer_id, body.sent_at, body.content_hash)
    offer = await execute(
        application.units, record_notice, RecordNotice(order_id, notice), link=application.offer_links.link
    )
    return OfferView.of(order_id, offer)
