"""The page that the link of a notice opens, for customers: GET shows the offer, only the form's POST answers it."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from order_service.application.promises.find_promises import find_offer
from order_service.application.promises.record_reply import ReplyToOffer, record_reply
from order_service.bootstrap import OrderApplication
from order_service.domain.order import Order
from order_service.domain.promises.recording import LegalTerms
from order_service.domain.promises.records import Choice, Offer, Reply
from order_service.domain.promises.replies import InvalidReply, OfferNotFound, ReplyRefused
from order_service.entrypoints.http.dependencies import Application
from order_service.entrypoints.http.fields import OfferId, OrderId
from order_service.wording.offer_page import OfferedUnits, OfferPage, closed_page, language_of, offer_page
from service_kit.commands.execute import execute, read

router = APIRouter(prefix="/v1/orders/{order_id}/offers/{offer_id}", include_in_schema=False)

Token = Annotated[str, Query(max_length=500, pattern=r"^[A-Za-z0-9_.-]*$")]

_LONGEST_FORM = 1000
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}


@router.get("/page")
async def show_offer(
    *, order_id: OrderId, offer_id: OfferId, application: Application, request: Request, token: Token = ""
) -> HTMLResponse:
    """Show the offer. Nothing is changed, however often a link is opened, and by whatever program."""
    language = language_of(request.headers.get("accept-language"))
    if not application.offer_links.opens(token, order_id, offer_id):
        return _closed(language)
    return await _page(application, order_id, offer_id, language)


@router.post("/page")
async def reply_on_page(
    *, order_id: OrderId, offer_id: OfferId, application: Application, request: Request, token: Token = ""
) -> HTMLResponse:
    """Take the answer of the page's form, and show what became of the offer."""
    language = language_of(request.headers.get("accept-language"))
    if not application.offer_links.opens(token, order_id, offer_id):
        return _closed(language)
    reply = _reply(await request.body(), application)
    if reply is None:
        return await _page(application, order_id, offer_id, language, refused="", status=422)
    try:
        await execute(application.units, record_reply, ReplyToOffer(order_id, offer_id, reply), application.law)
    except (ReplyRefused, InvalidReply) as refusal:
        status = 409 if isinstance(refusal, ReplyRefused) else 422
        return await _page(application, order_id, offer_id, language, refused=refusal.detail, status=status)
    except OfferNotFound:
        return _closed(language)
    return await _page(application, order_id, offer_id, language)


def _reply(form: bytes, application: OrderApplication) -> Reply | None:
    """The reply that a form states; None if it states none."""
    if len(form) > _LONGEST_FORM:
        return None
    fields = parse_qs(form.decode("latin-1"), max_num_fields=4)
    try:
        choice = Choice(fields.get("answer", [""])[0])
        until = date.fromisoformat(fields["until"][0]) if choice is Choice.GRANT_UNTIL else None
    except (ValueError, KeyError):
        return None
    return Reply(choice, application.business_clock.now(), until, "page")


async def _page(
    application: OrderApplication,
    order_id: str,
    offer_id: str,
    language: str,
    *,
    refused: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    try:
        order, offer = await read(application.units, find_offer, order_id, offer_id)
    except OfferNotFound:
        return _closed(language)
    page = OfferPage(
        reference=order.terms.reference,
        lines=_units(order, offer),
        offer=offer,
        state=offer.state_at(application.business_clock.now()),
        zone=LegalTerms.of(order).zone,
        refused=refused,
    )
    return HTMLResponse(offer_page(page, language), status, _HEADERS | {"Content-Language": language})


def _units(order: Order, offer: Offer) -> tuple[OfferedUnits, ...]:
    lines = ((order.lines[said.line_id], said) for said in offer.lines)
    return tuple(OfferedUnits(line.totals.open, line.sku, said.from_date, said.to_date) for line, said in lines)


def _closed(language: str) -> HTMLResponse:
    """404: whether there is such an offer is told to nobody whose link does not open it."""
    return HTMLResponse(closed_page(language), 404, _HEADERS | {"Content-Language": language})
