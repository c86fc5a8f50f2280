"""Amend and cancel orders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response

from event_contracts import new_event_id
from order_service.application.commands import AddLine, AmendLine, AmendOrder, CancelOrder, ChangeOrder, TermValue
from order_service.bootstrap import OrderApplication
from order_service.domain.order import AddedLine
from order_service.entrypoints.http.bound_changes import check_bound_line, check_bound_patch, check_bound_price
from order_service.entrypoints.http.dependencies import Application, IfMatch, RequiredIfMatch, Writer, visible_to
from order_service.entrypoints.http.fields import LineId, OrderId
from order_service.entrypoints.http.order_change_schemas import Cancellation, LinePatch, LineToAdd, OrderPatch
from order_service.entrypoints.http.order_views import OrderView
from order_service.entrypoints.http.orders import current_order
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.http.api_keys import Principal
from service_kit.http.business_time import business_time
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.preferences import preferred_wait
from service_kit.http.problems import FieldError, unprocessable
from service_kit.http.responses import set_location

router = APIRouter(prefix="/v1/orders", tags=["orders"])

_PLAIN_TERMS = {
    "customer_id",
    "contact_id",
    "tier",
    "channel",
    "ship_complete",
    "needed_by",
    "latest_acceptable_date",
}
"""Fields of `OrderPatch` that stand in `Terms` under the same name, with the same value."""


@router.patch("/{order_id}", summary="Amend an order")
async def amend_order(
    *,
    principal: Writer,
    order_id: OrderId,
    body: OrderPatch,
    application: Application,
    request: Request,
    response: Response,
    versions: RequiredIfMatch,
) -> OrderView:
    """Change who ordered, how the order is served, destination, dates or metadata.

    Allocation judges the order anew: another tier, date or channel is another place in the queue or another quota,
    and `ship_complete` decides whether it may hold a part. Of a closed order only the metadata may change (409). A new
    date that has passed is refused, and so is a `needed_by` after the latest acceptable date, or an
    `amended_at` in the future or before the order was placed (422). A key
    bound to a customer may not change the tier, nor give the order to somebody else (403).
    """
    stated = _stated(principal, body.amended_at, "amended_at", application)
    check_bound_patch(principal, body)
    command = AmendOrder(
        order_id=order_id,
        at=stated or application.business_clock.now(),
        stated=stated is not None,
        customer_id=principal.customer_id,
        expected_versions=versions,
        fields=_amended_fields(body),
    )
    return await _change(command, application, principal, request, response)


def _amended_fields(body: OrderPatch) -> dict[str, TermValue]:
    """The terms to replace: only those that the body mentions."""
    given = body.model_fields_set - {"amended_at"}
    if not given:
        raise unprocessable([FieldError("", "Give at least one field to change.")])
    fields: dict[str, TermValue] = {name: getattr(body, name) for name in given & _PLAIN_TERMS}
    if "destination" in given:
        fields["country"] = body.destination.country if body.destination else None
        fields["region"] = body.destination.region if body.destination else None
    if "metadata" in given:
        fields["metadata"] = dict(body.metadata or {})
    return fields


@router.post("/{order_id}/lines", status_code=201, summary="Add a line")
async def add_line(
    *,
    principal: Writer,
    order_id: OrderId,
    body: LineToAdd,
    application: Application,
    request: Request,
    response: Response,
    versions: IfMatch,
    key: Annotated[str, idempotency_key()],
) -> OrderView:
    """Add a line to an open order; it is the last of those returned, and `pending` until allocation answers.

    It is new demand: it queues as of now, and may be declined without the other lines. An order that ships complete
    is judged as a whole: what it holds is released if the new line has to wait. Refused: a closed order, or one of
    1,000 lines (409); an unknown SKU, a price in another currency than the order's (422).
    """
    stated = _stated(principal, body.added_at, "added_at", application)
    check_bound_line(principal, body)
    price = body.unit_price
    line = AddedLine(
        line_id=new_event_id(),
        sku=body.sku,
        quantity=body.quantity,
        reference=body.reference,
        unit_price=price.amount if price else 0,
        currency=price.currency if price else None,
        quoted_date=body.quoted_date,
    )
    command = AddLine(
        order_id=order_id,
        at=stated or application.business_clock.now(),
        stated=stated is not None,
        customer_id=principal.customer_id,
        expected_versions=versions,
        line=line,
    )
    claim = IdempotencyClaim(principal.key_id, "add_line", key, fingerprint(body, order_id), line.line_id)
    set_location(response.headers, "orders", order_id)
    return await _change(command, application, principal, request, response, claim=claim)


@router.patch("/{order_id}/lines/{line_id}", summary="Amend a line")
async def amend_line(
    *,
    principal: Writer,
    order_id: OrderId,
    line_id: LineId,
    body: LinePatch,
    application: Application,
    request: Request,
    response: Response,
    versions: RequiredIfMatch,
) -> OrderView:
    """Change the quantity ordered, or lower the price.

    A price may fall while the customer waits, also of units that are paid: the difference goes back. A higher one is
    refused (409 `dearer_price`).

    More units queue as of now; all of them are declined where they would exceed the cap. Fewer take those that wait
    first, then declined ones, then those that have stock; never shipped ones.
    """
    stated = _stated(principal, body.amended_at, "amended_at", application)
    check_bound_price(principal, body)
    if body.quantity is None and body.unit_price is None:
        raise unprocessable([FieldError("/quantity", "Give quantity or unit_price.")])
    command = AmendLine(
        order_id=order_id,
        at=stated or application.business_clock.now(),
        stated=stated is not None,
        customer_id=principal.customer_id,
        expected_versions=versions,
        line_id=line_id,
        quantity=body.quantity,
        unit_price=None if body.unit_price is None else body.unit_price.amount,
        currency=None if body.unit_price is None else body.unit_price.currency,
    )
    return await _change(command, application, principal, request, response)


@router.post("/{order_id}/cancel", summary="Cancel an order or part of it")
async def cancel_order(
    *,
    principal: Writer,
    order_id: OrderId,
    body: Cancellation | None = None,
    application: Application,
    request: Request,
    response: Response,
    versions: IfMatch,
    key: Annotated[str | None, idempotency_key(required=False)],
) -> OrderView:
    """Cancel units of some lines, or everything that has not left. Shipped units cannot be cancelled (409).

    Of a line, units that wait are cancelled first, then declined ones, then those that have stock. No body at all
    cancels everything.
    """
    body = body or Cancellation()
    stated = _stated(principal, body.cancelled_at, "cancelled_at", application)
    body.check()
    command = CancelOrder(
        order_id=order_id,
        at=stated or application.business_clock.now(),
        stated=stated is not None,
        customer_id=principal.customer_id,
        expected_versions=versions,
        reason=body.reason,
        by_customer=body.by_customer or principal.customer_id is not None,
        parts=None if body.lines is None else {line.line_id: line.quantity for line in body.lines},
    )
    claim = None
    if key is not None:
        body_and_path = fingerprint(body, order_id)
        claim = IdempotencyClaim(principal.key_id, "cancel_order", key, body_and_path, order_id, status=200)
    return await _change(command, application, principal, request, response, claim=claim)


def _stated(
    principal: Principal, moment: datetime | None, field: str, application: OrderApplication
) -> datetime | None:
    return business_time(principal, moment, field, application.clock.now())


async def _change(
    command: ChangeOrder,
    application: OrderApplication,
    principal: Principal,
    request: Request,
    response: Response,
    *,
    claim: IdempotencyClaim | None = None,
) -> OrderView:
    application.business_clock.saw(command.at)
    submitted = await application.changes.submit(command, claim)
    if claim is not None:
        mark_replayed(response, submitted)
    wait = preferred_wait(request, response, limit=application.settings.longest_wait)
    return await current_order(application, command.order_id, visible_to(principal), response, wait=wait)
