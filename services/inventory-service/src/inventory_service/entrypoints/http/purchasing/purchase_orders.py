"""Purchase orders: place, read and list them; change and close their lines."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response

from event_contracts import new_event_id
from inventory_service.application.cancel_purchase_order import CancelPurchaseOrder, cancel_purchase_order
from inventory_service.application.change_purchase_order_line import (
    ChangePurchaseOrderLine,
    change_purchase_order_line,
)
from inventory_service.application.close_purchase_order_line import ClosePurchaseOrderLine, close_purchase_order_line
from inventory_service.application.queries import PurchaseOrderFilter
from inventory_service.bootstrap import InventoryApplication
from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine
from inventory_service.entrypoints.http.dependencies import (
    Application,
    ExpectedLine,
    ExpectedOrder,
    IdempotencyKey,
    PurchasingReader,
    PurchasingWriter,
    RequiredLine,
    order_etag,
)
from inventory_service.entrypoints.http.fields import DocumentPath, ReferenceQuery, SkuQuery
from inventory_service.entrypoints.http.pages import page_of
from inventory_service.entrypoints.http.purchasing.purchase_order_schemas import (
    CancelBody,
    CloseBody,
    LineChangeBody,
    LineToAddBody,
    PurchaseOrderBody,
    PurchaseOrderLineView,
    PurchaseOrderView,
)
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.commands.execute import execute, read
from service_kit.http.business_time import business_time, check_plans
from service_kit.http.conditional import not_modified, not_modified_response, set_etag
from service_kit.http.fields import Name
from service_kit.http.idempotency import fingerprint, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor
from service_kit.http.problems import not_found
from service_kit.http.responses import set_location

_PLACE = "POST /v1/purchase-orders"
_ADD_LINE = "POST /v1/purchase-orders/lines"
_ORDER = "/v1/purchase-orders/{purchase_order_id}"
_LINE = _ORDER + "/lines/{line_id}"

router = APIRouter(tags=["Purchase orders"])


@router.post("/v1/purchase-orders", status_code=201, summary="Place a purchase order")
async def place_purchase_order(
    *, principal: PurchasingWriter, app: Application, key: IdempotencyKey, body: PurchaseOrderBody, response: Response
) -> PurchaseOrderView:
    now = app.clock.now()
    ordered_at = business_time(principal, body.ordered_at, "ordered_at", now) or now
    check_plans([(line.eta, f"/lines/{number}/eta") for number, line in enumerate(body.lines)], now)
    command = body.command(new_event_id(), ordered_at)
    claim = IdempotencyClaim(principal.key_id, _PLACE, key, fingerprint(body), command.purchase_order_id)
    submitted = await app.purchase_orders.submit(command, claim)
    order = submitted.result or await _purchase_order(app, str(submitted.resource_id))
    mark_replayed(response, submitted)
    set_location(response.headers, "purchase-orders", order.purchase_order_id)
    response.headers["ETag"] = order_etag(order.version)
    return PurchaseOrderView.of(order)


@router.get("/v1/purchase-orders", summary="List purchase orders, newest first")
async def list_purchase_orders(
    *,
    principal: PurchasingReader,
    app: Application,
    page: PageParams,
    request: Request,
    response: Response,
    reference: ReferenceQuery = None,
    supplier_id: Annotated[Name | None, Query(description="Only from this supplier")] = None,
    sku: SkuQuery = None,
    open: Annotated[bool | None, Query(description="Only with (true) or without (false) units to come")] = None,
) -> Page[PurchaseOrderView]:
    before = page.after(str)
    wanted = PurchaseOrderFilter(reference, supplier_id, sku, open)
    found = await read(
        app.units,
        lambda uow: uow.queries.purchase_orders(wanted, before=before[0] if before else None, limit=page.limit + 1),
    )
    return page_of(
        found,
        page,
        view=PurchaseOrderView.of,
        cursor=lambda order: encode_cursor(order.purchase_order_id),
        request=request,
        response=response,
    )


@router.get(_ORDER, summary="Read a purchase order", response_model=PurchaseOrderView)
async def get_purchase_order(
    *,
    principal: PurchasingReader,
    app: Application,
    purchase_order_id: DocumentPath,
    request: Request,
    response: Response,
) -> Any:
    order = await _purchase_order(app, purchase_order_id)
    etag = order_etag(order.version)
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return PurchaseOrderView.of(order)


@router.post(
    _ORDER + "/cancel",
    name="cancel_purchase_order",
    summary="Cancel a purchase order: nothing more of it will come",
)
async def cancel_order(
    *,
    principal: PurchasingWriter,
    app: Application,
    purchase_order_id: DocumentPath,
    response: Response,
    body: Annotated[CancelBody | None, Body()] = None,
    expected: ExpectedOrder,
) -> PurchaseOrderView:
    """Close every line that still expects units, in one step; what has arrived stays received.

    `If-Match` may name the ETag of the order. Cancelling again changes nothing.
    """
    cancelled_at = business_time(principal, body.cancelled_at if body else None, "cancelled_at", app.clock.now())
    order = await execute(
        app.units, cancel_purchase_order, CancelPurchaseOrder(purchase_order_id, expected, cancelled_at)
    )
    response.headers["ETag"] = order_etag(order.version)
    return PurchaseOrderView.of(order)


@router.post(
    _ORDER + "/lines", name="add_purchase_order_line", status_code=201, summary="Add a line to a purchase order"
)
async def add_line(
    *,
    principal: PurchasingWriter,
    app: Application,
    purchase_order_id: DocumentPath,
    key: IdempotencyKey,
    body: LineToAddBody,
    response: Response,
    expected: ExpectedOrder,
) -> PurchaseOrderLineView:
    """Order one more SKU from the same supplier, to the same location; a SKU may stand in several lines.

    The order takes a line whatever has become of its others, up to 1,000 of them; not if its location is not active
    any more (409).
    """
    now = app.clock.now()
    added_at = business_time(principal, body.added_at, "added_at", now) or now
    check_plans([(body.eta, "/eta")], now)
    command = body.command(purchase_order_id, expected, added_at)
    claim = IdempotencyClaim(
        principal.key_id, _ADD_LINE, key, fingerprint(body, purchase_order_id), command.line.line_id
    )
    submitted = await app.purchase_order_lines.submit(command, claim)
    line = submitted.result or await _line(app, purchase_order_id, str(submitted.resource_id))
    mark_replayed(response, submitted)
    set_location(response.headers, "purchase-orders", purchase_order_id, "lines", line.line_id)
    set_etag(response, line.version)
    return PurchaseOrderLineView.of(line)


@router.get(_LINE, summary="Read a line with its ETag", response_model=PurchaseOrderLineView)
async def get_purchase_order_line(
    *,
    principal: PurchasingReader,
    app: Application,
    purchase_order_id: DocumentPath,
    line_id: DocumentPath,
    request: Request,
    response: Response,
) -> Any:
    line = await _line(app, purchase_order_id, line_id)
    if not_modified(request, line.version):
        return not_modified_response(line.version)
    set_etag(response, line.version)
    return PurchaseOrderLineView.of(line)


@router.patch(
    _LINE,
    name="change_purchase_order_line",
    summary="Move a line's date or quantity (If-Match: the ETag of the line or of its order)",
)
async def change_line(
    *,
    principal: PurchasingWriter,
    app: Application,
    purchase_order_id: DocumentPath,
    line_id: DocumentPath,
    body: LineChangeBody,
    response: Response,
    expected: RequiredLine,
) -> PurchaseOrderLineView:
    now = app.clock.now()
    changed_at = business_time(principal, body.changed_at, "changed_at", now)
    check_plans([(body.eta, "/eta")], now)
    command = ChangePurchaseOrderLine(
        purchase_order_id, line_id, expected, eta=body.eta, quantity=body.quantity, changed_at=changed_at
    )
    line = await execute(app.units, change_purchase_order_line, command)
    set_etag(response, line.version)
    return PurchaseOrderLineView.of(line)


@router.post(_LINE + "/close", name="close_purchase_order_line", summary="Close a line short: the rest will not come")
async def close_line(
    *,
    principal: PurchasingWriter,
    app: Application,
    purchase_order_id: DocumentPath,
    line_id: DocumentPath,
    response: Response,
    body: Annotated[CloseBody | None, Body()] = None,
    expected: ExpectedLine,
) -> PurchaseOrderLineView:
    closed_at = business_time(principal, body.closed_at if body else None, "closed_at", app.clock.now())
    command = ClosePurchaseOrderLine(purchase_order_id, line_id, expected, closed_at)
    line = await execute(app.units, close_purchase_order_line, command)
    set_etag(response, line.version)
    return PurchaseOrderLineView.of(line)


async def _purchase_order(app: InventoryApplication, purchase_order_id: str) -> PurchaseOrder:
    found = await read(app.units, lambda uow: uow.queries.purchase_order(purchase_order_id))
    if found is None:
        raise not_found("purchase order")
    return found


async def _line(app: InventoryApplication, purchase_order_id: str, line_id: str) -> PurchaseOrderLine:
    order = await _purchase_order(app, purchase_order_id)
    line = next((line for line in order.lines if line.line_id == line_id), None)
    if line is None:
        raise not_found("purchase order line")
    return line
