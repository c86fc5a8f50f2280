"""Shipments, and what can ship."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from event_contracts import new_event_id
from order_service.application.commands import ShipOrder
from order_service.bootstrap import Wiring
from order_service.domain.order import Shipment, ShippedUnits
from order_service.entrypoints.http.callers import IfMatch, ShipmentReader, Shipper, Wired, bounds_of
from order_service.entrypoints.http.fields import OrderId, ShipmentId
from order_service.entrypoints.http.requests import NewShipment
from order_service.entrypoints.http.views import FulfillableLine, ShipmentView
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.http.api_keys import Principal
from service_kit.http.business_time import may_state_business_time
from service_kit.http.fields import Instant, Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import not_found

router = APIRouter(prefix="/v1", tags=["shipments"])


@router.post("/orders/{order_id}/shipments", status_code=201, summary="Report a shipment")
async def ship_order(
    *,
    principal: Shipper,
    order_id: OrderId,
    body: NewShipment,
    wiring: Wired,
    response: Response,
    versions: IfMatch,
    key: Annotated[str, idempotency_key()],
) -> ShipmentView:
    """Book units as having left a location.

    Refused with 409 and the order's state: more than is allocated there, another location, a preorder
    before its release date, a line whose last cut allocation has not answered, a ship-complete order
    that is not complete.
    """
    may_state_business_time(principal, body.shipped_at, "shipped_at")
    body.check()
    shipment = Shipment(
        shipment_id=new_event_id(),
        location_id=body.location_id,
        shipped_at=body.shipped_at or wiring.business_clock.now(),
        lines=tuple(ShippedUnits(line.line_id, line.quantity) for line in body.lines),
        reference=body.reference,
        tracking_number=body.tracking_number,
    )
    wiring.business_clock.saw(shipment.shipped_at)
    command = ShipOrder(
        order_id=order_id,
        at=shipment.shipped_at,
        customer_id=principal.customer_id,
        expected_versions=versions,
        shipment=shipment,
    )
    claim = IdempotencyClaim(principal.key_id, "ship_order", key, fingerprint(body, order_id), shipment.shipment_id)
    submitted = await wiring.changing.submit(command, claim)
    mark_replayed(response, submitted)
    shipment_id = submitted.resource_id or shipment.shipment_id
    response.headers["Location"] = f"/v1/orders/{order_id}/shipments/{shipment_id}"
    if submitted.replayed:
        return await _shipment(wiring, principal, order_id, shipment_id)
    return ShipmentView.of(order_id, shipment)


@router.get("/orders/{order_id}/shipments", summary="List an order's shipments")
async def list_shipments(
    *,
    principal: ShipmentReader,
    order_id: OrderId,
    wiring: Wired,
    request: Request,
    response: Response,
    page: PageParams,
) -> Page[ShipmentView]:
    """What has left of the order, oldest first."""
    shipments = await wiring.queries.shipments(order_id, bounds_of(principal))
    if shipments is None:
        raise not_found("order")
    after = page.after(str)
    rest = [one for one in shipments if after is None or one.shipment_id > after[0]]
    shown = rest[: page.limit]
    next_cursor = encode_cursor(shown[-1].shipment_id) if len(rest) > page.limit else None
    link_header(response, request, next_cursor)
    return Page(data=[ShipmentView.of(order_id, one) for one in shown], next_cursor=next_cursor)


@router.get("/orders/{order_id}/shipments/{shipment_id}", summary="Read a shipment")
async def get_shipment(
    *, principal: ShipmentReader, order_id: OrderId, shipment_id: ShipmentId, wiring: Wired
) -> ShipmentView:
    """One shipment of the order."""
    return await _shipment(wiring, principal, order_id, shipment_id)


async def _shipment(wiring: Wiring, principal: Principal, order_id: str, shipment_id: str) -> ShipmentView:
    shipments = await wiring.queries.shipments(order_id, bounds_of(principal)) or []
    found = next((one for one in shipments if one.shipment_id == shipment_id), None)
    if found is None:
        raise not_found("shipment")
    return ShipmentView.of(order_id, found)


@router.get("/fulfillable-lines", summary="What can ship now")
async def list_fulfillable_lines(
    *,
    principal: ShipmentReader,
    wiring: Wired,
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
    rows = await wiring.queries.fulfillable_lines(
        location_id,
        as_of or wiring.business_clock.now(),
        bounds_of(principal),
        after[0] if after else "",
        page.limit + 1,
    )
    shown = [FulfillableLine(**row) for row in rows[: page.limit]]
    next_cursor = encode_cursor(shown[-1].line_id) if len(rows) > page.limit else None
    link_header(response, request, next_cursor)
    return Page(data=shown, next_cursor=next_cursor)
