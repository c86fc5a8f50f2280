"""Shipments, and what can ship."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from event_contracts import new_event_id
from order_service.application.commands import ShipOrder, VoidShipment
from order_service.application.find_shipments import find_shipment, find_shipments, find_shippable_units
from order_service.domain.order import Shipment, ShippedUnits
from order_service.entrypoints.http.dependencies import Application, IfMatch, ShipmentReader, Shipper, visible_to
from order_service.entrypoints.http.fields import OrderId, ShipmentId
from order_service.entrypoints.http.shipment_schemas import FulfillableLine, NewShipment, ShipmentView, VoidBody
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.commands.execute import read
from service_kit.http.business_time import business_time
from service_kit.http.fields import Instant, Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.responses import set_location

router = APIRouter(prefix="/v1", tags=["shipments"])


@router.post("/orders/{order_id}/shipments", status_code=201, summary="Report a shipment")
async def ship_order(
    *,
    principal: Shipper,
    order_id: OrderId,
    body: NewShipment,
    application: Application,
    response: Response,
    versions: IfMatch,
    key: Annotated[str, idempotency_key()],
) -> ShipmentView:
    """Book units as having left a location.

    Refused with 409 and the order's state: more than is allocated there, another location, a preorder
    before its release date, a line whose last cut allocation has not answered, a ship-complete order
    that is not complete, units that are neither paid nor covered by a hold (`unpaid`, unless the body says so). A
    `shipped_at` in the future, or before the order was placed, is refused with 422.
    """
    stated = business_time(principal, body.shipped_at, "shipped_at", application.clock.now())
    body.check()
    shipment = Shipment(
        shipment_id=new_event_id(),
        location_id=body.location_id,
        shipped_at=stated or application.business_clock.now(),
        lines=tuple(ShippedUnits(line.line_id, line.quantity) for line in body.lines),
        reference=body.reference,
        tracking_number=body.tracking_number,
    )
    application.business_clock.saw(shipment.shipped_at)
    command = ShipOrder(
        order_id=order_id,
        at=shipment.shipped_at,
        stated=stated is not None,
        customer_id=principal.customer_id,
        expected_versions=versions,
        shipment=shipment,
        unpaid=body.unpaid,
    )
    claim = IdempotencyClaim(principal.key_id, "ship_order", key, fingerprint(body, order_id), shipment.shipment_id)
    submitted = await application.changes.submit(command, claim)
    mark_replayed(response, submitted)
    shipment_id = submitted.resource_id or shipment.shipment_id
    set_location(response.headers, "orders", order_id, "shipments", shipment_id)
    if submitted.replayed or stated is None:
        # Without a stated time it has left after whatever is known of the order.
        shipment = await read(application.units, find_shipment, order_id, shipment_id, visible_to(principal))
    return ShipmentView.of(order_id, shipment)


@router.get("/orders/{order_id}/shipments", summary="List an order's shipments")
async def list_shipments(
    *,
    principal: ShipmentReader,
    order_id: OrderId,
    application: Application,
    request: Request,
    response: Response,
    page: PageParams,
) -> Page[ShipmentView]:
    """What has left of the order, oldest first."""
    shipments = await read(application.units, find_shipments, order_id, visible_to(principal))
    after = page.after(str)
    rest = [one for one in shipments if after is None or one.shipment_id > after[0]]
    shown = rest[: page.limit]
    next_cursor = encode_cursor(shown[-1].shipment_id) if len(rest) > page.limit else None
    link_header(response, request, next_cursor)
    return Page(data=[ShipmentView.of(order_id, one) for one in shown], next_cursor=next_cursor)


@router.get("/orders/{order_id}/shipments/{shipment_id}", summary="Read a shipment")
async def get_shipment(
    *, principal: ShipmentReader, order_id: OrderId, shipment_id: ShipmentId, application: Application
) -> ShipmentView:
    """One shipment of the order."""
    shipment = await read(application.units, find_shipment, order_id, shipment_id, visible_to(principal))
    return ShipmentView.of(order_id, shipment)


@router.post("/orders/{order_id}/shipments/{shipment_id}/void", summary="Void a shipment that was reported by mistake")
async def void_shipment(
    *,
    principal: Shipper,
    order_id: OrderId,
    shipment_id: ShipmentId,
    body: VoidBody | None = None,
    application: Application,
    response: Response,
    versions: IfMatch,
    key: Annotated[str | None, idempotency_key(required=False)],
) -> ShipmentView:
    """Take the report back, within 24 hours of the shipment: its units never left the building.

    The lines are open again, with those units on hand and allocated at the same location. What did leave and comes
    back is received as a return. Refused with 409: a shipment that was voided already, or that left too long ago.
    """
    body = body or VoidBody()
    stated = business_time(principal, body.voided_at, "voided_at", application.clock.now())
    command = VoidShipment(
        order_id=order_id,
        at=stated or application.business_clock.now(),
        stated=stated is not None,
        customer_id=principal.customer_id,
        expected_versions=versions,
        shipment_id=shipment_id,
        reason=body.reason,
    )
    application.business_clock.saw(command.at)
    claim = None
    if key is not None:
        body_and_path = fingerprint(body, order_id, shipment_id)
        claim = IdempotencyClaim(principal.key_id, "void_shipment", key, body_and_path, shipment_id, status=200)
    submitted = await application.changes.submit(command, claim)
    if claim is not None:
        mark_replayed(response, submitted)
    shipment = await read(application.units, find_shipment, order_id, shipment_id, visible_to(principal))
    return ShipmentView.of(order_id, shipment)


@router.get("/fulfillable-lines", summary="What can ship now")
async def list_fulfillable_lines(
    *,
    principal: ShipmentReader,
    application: Application,
    request: Request,
    response: Response,
    page: PageParams,
    location_id: Annotated[Name, Query(description="Units that lie at this location")],
    as_of: Annotated[Instant | None, Query(description="Judge release dates at this moment; now by default")] = None,
) -> Page[FulfillableLine]:
    """Allocated units that may leave the location, the longest placed first.

    Left out: preorders before their release date, ship-complete orders that are not complete, lines
    whose last cut allocation has not answered.
    """
    after = page.after(str)
    found = await read(
        application.units,
        find_shippable_units,
        location_id,
        as_of or application.business_clock.now(),
        visible_to(principal),
        after=after[0] if after else "",
        limit=page.limit + 1,
    )
    shown = [FulfillableLine.of(units) for units in found[: page.limit]]
    next_cursor = encode_cursor(shown[-1].line_id) if len(found) > page.limit else None
    link_header(response, request, next_cursor)
    return Page(data=shown, next_cursor=next_cursor)
