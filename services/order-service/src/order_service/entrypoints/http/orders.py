"""Place, read and list orders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response

from event_contracts import new_event_id
from order_service.application.commands import PlaceOrder
from order_service.application.find_orders import find_answered_order, find_orders
from order_service.application.payments.errors import UnknownProvider
from order_service.application.queries import OrderFilter, Visibility
from order_service.bootstrap import OrderApplication
from order_service.domain.lines import Line
from order_service.domain.order import Order, Terms
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.terms import ChargeAt, PaymentTerms
from order_service.domain.states import State
from order_service.entrypoints.http.bound_orders import check_bound_order, hide_other_order
from order_service.entrypoints.http.dependencies import (
    BOUND,
    Application,
    Caller,
    Reader,
    Writer,
    application_of,
    visible_to,
)
from order_service.entrypoints.http.fields import OrderId
from order_service.entrypoints.http.order_schemas import NewOrder
from order_service.entrypoints.http.order_views import OrderView
from order_service.entrypoints.http.payments.order_payment_schemas import NewPayment, fees_of
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.commands.execute import read
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import authorized
from service_kit.http.business_time import business_time
from service_kit.http.conditional import not_modified, not_modified_response, set_etag
from service_kit.http.fast_path import Call, HotRouter, json_body
from service_kit.http.fields import Instant, Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed, required_key
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.preferences import preferred_wait
from service_kit.http.responses import set_location
from service_kit.persistence.page_lines import page_is_cut

router = HotRouter(prefix="/v1/orders", tags=["orders"])


@router.post("", status_code=201, summary="Place an order")
async def place_order(
    *,
    principal: Writer,
    body: NewOrder,
    application: Application,
    request: Request,
    response: Response,
    key: Annotated[str, idempotency_key()],
) -> OrderView:
    """Accept an order. It is `pending` until allocation answers, which takes some milliseconds.

    `Prefer: wait=2` holds the answer back until then, for at most two seconds. Refused: an unknown SKU
    (422; one that has just been created is known a moment later: `Retry-After` and `retry_after` say when to repeat),
    a date before the day of the order, a `needed_by` after the latest acceptable date (422, all of them named), a
    `placed_at` in the future (422), a `reference` in use (409 `reference_taken` with that `order_id`).
    """
    now = application.clock.now()
    placed_at = business_time(principal, body.placed_at, "placed_at", now) or now
    body.check()
    command = _command(body, principal, application, placed_at)
    claim = IdempotencyClaim(principal.key_id, "place_order", key, fingerprint(body), command.order_id)
    with hide_other_order(principal):
        submitted = await application.new_orders.submit(command, claim)
    mark_replayed(response, submitted)
    order_id = submitted.resource_id or command.order_id
    set_location(response.headers, "orders", order_id)
    wait = preferred_wait(request, response, limit=application.settings.longest_wait)
    if submitted.result is not None and wait == 0:
        order, _ = Order.place(command.order_id, command.terms, command.placed_at, command.lines)
        set_etag(response, order.version)
        return OrderView.of(order, submitted.result.at)
    return await current_order(application, order_id, visible_to(principal), response, wait=wait)


@router.fast_path("POST", "", status=201)
async def _read_order(request: Request) -> Call:
    """Read a plain request to place an order."""
    principal = authorized(request.scope, "orders:write", bound=BOUND)
    key = required_key(request.headers.get("idempotency-key"))
    body = await json_body(request, NewOrder)
    application = await application_of(request)
    return lambda response: place_order(
        principal=principal, body=body, application=application, request=request, response=response, key=key
    )


def _command(body: NewOrder, principal: Principal, application: OrderApplication, placed_at: datetime) -> PlaceOrder:
    check_bound_order(principal, body)
    destination = body.destination
    terms = Terms(
        reference=body.reference,
        customer_id=body.customer_id if principal.customer_id is None else principal.customer_id,
        contact_id=body.contact_id,
        tier=body.tier,
        channel=body.channel,
        country=destination.country if destination else None,
        region=destination.region if destination else None,
        jurisdiction=body.jurisdiction,
        time_zone=body.time_zone,
        time_essential=body.time_essential,
        currency=body.order_currency,
        charge_at=body.charge_at,
        deposit_percent=body.deposit_percent,
        needed_by=body.needed_by,
        latest_acceptable_date=body.latest_acceptable_date,
        ship_complete=body.ship_complete,
        location_preference=body.location_preference,
        payment_provider=None if body.payment is None else body.payment.provider,
        metadata=body.metadata,
    )
    lines = tuple(
        Line(
            line_id=new_event_id(),
            position=position,
            sku=line.sku,
            quantity=line.quantity,
            reference=line.reference,
            unit_price=line.unit_price.amount if line.unit_price else 0,
            charged=None if body.payment is None else 0,
            quoted_date=line.quoted_date,
        )
        for position, line in enumerate(body.lines)
    )
    application.business_clock.saw(placed_at)
    order_id = new_event_id()
    payment = None if body.payment is None else _payment(body, body.payment, order_id, application)
    return PlaceOrder(order_id, terms, placed_at, lines, payment)


def _payment(body: NewOrder, stated: NewPayment, order_id: str, application: OrderApplication) -> Payment:
    if stated.provider not in application.providers:
        raise UnknownProvider(stated.provider, tuple(application.providers))
    terms = PaymentTerms(
        currency=body.order_currency,
        charge_at=ChargeAt(body.charge_at),
        deposit_percent=body.deposit_percent or 0,
        deposit_kept=body.deposit_terms is not None and body.deposit_terms.kept_if_customer_cancels,
        fees=fees_of(body.fees),
    )
    now = application.clock.now()
    return Payment(new_event_id(), order_id, stated.provider, terms, stated.token, now)


@router.get("/{order_id}", summary="Read an order")
async def get_order(
    *, principal: Caller, order_id: OrderId, application: Application, request: Request, response: Response
) -> OrderView:
    """The order as it is now. A tracking link reads its own order, without the customer's ids and notes."""
    view = await current_order(application, order_id, visible_to(principal), response)
    if not_modified(request, view.version):
        return not_modified_response(view.version)  # type: ignore[return-value]
    return view


@router.get("", summary="List orders")
async def list_orders(
    *,
    principal: Reader,
    application: Application,
    request: Request,
    response: Response,
    page: PageParams,
    reference: Annotated[Name | None, Query(description="The caller's own name of the order")] = None,
    customer_id: Annotated[Name | None, Query(description="Orders of this customer")] = None,
    state: Annotated[State | None, Query(description="Orders in this state")] = None,
    sku: Annotated[Name | None, Query(description="Orders with a line of this SKU")] = None,
    updated_after: Annotated[Instant | None, Query(description="Orders changed since, in order of change")] = None,
) -> Page[OrderView]:
    """Orders that meet all filters given, newest first; with `updated_after`, the longest unchanged first.

    A page ends early where its orders have many lines: go on with `next_cursor` until it is null.
    """
    wanted = OrderFilter(reference, customer_id, state.value if state else None, sku, updated_after)
    after = page.after(datetime, str) if updated_after else page.after(str)
    records = await read(
        application.units, find_orders, wanted, visible_to(principal), after=after, limit=page.limit + 1
    )
    shown = records[: page.limit]
    more = page_is_cut(shown, sum(len(record.order.lines) for record in shown), len(records))
    next_cursor = encode_cursor(*wanted.key_of(shown[-1])) if more else None
    link_header(response, request, next_cursor)
    return Page(data=[OrderView.of(record.order, record.updated_at) for record in shown], next_cursor=next_cursor)


async def current_order(
    application: OrderApplication, order_id: str, visibility: Visibility, response: Response, *, wait: float = 0
) -> OrderView:
    """Show the order with its ETag, after waiting up to ``wait`` seconds for allocation's answer."""
    record = await find_answered_order(application.units, application.watch, order_id, visibility, wait)
    set_etag(response, record.order.version)
    by_tracking_link = visibility.order_id is not None
    if by_tracking_link:
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "private, no-store"
    return OrderView.of(record.order, record.updated_at, public=by_tracking_link)
