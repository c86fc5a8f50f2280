"""Purchase orders: place, read, move, close short."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response

from event_contracts import new_event_id
from inventory_service.adapters.purchasing_reads import list_purchase_orders, purchase_order
from inventory_service.adapters.use_cases import UseCases
from inventory_service.application.commands import OrderedLine, PlacePurchaseOrder, PurchaseOrder
from inventory_service.application.purchase import change_line, close_line
from inventory_service.entrypoints.http.fields import DocumentPath, ReferenceQuery, SkuQuery
from inventory_service.entrypoints.http.pages import page_of
from inventory_service.entrypoints.http.purchase_order_documents import (
    CloseBody,
    LineChangeBody,
    PurchaseOrderBody,
    PurchaseOrderLineView,
    PurchaseOrderView,
    line_view,
    order_view,
)
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.business_time import may_state_business_time
from service_kit.http.conditional import (
    IfMatch,
    RequiredIfMatch,
    matches_version,
    not_modified,
    not_modified_response,
    set_etag,
)
from service_kit.http.fields import Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor
from service_kit.http.problems import not_found

_PLACE = "POST /v1/purchase-orders"
_LINE = "/v1/purchase-orders/{purchase_order_id}/lines/{line_id}"
_ORDER_ETAG = '"po-{}"'


def router(use_cases: UseCases) -> APIRouter:
    """The routes of purchase orders."""
    api = APIRouter(tags=["Purchase orders"])
    _add_placing(api, use_cases)
    _add_reading(api, use_cases)
    _add_changing(api, use_cases)
    return api


def _order_etag(order: PurchaseOrder) -> str:
    """Told apart from the ETag of a line, so that a change of a line can be based on either."""
    return _ORDER_ETAG.format(order.version)


def _expect(if_match: str | None, line_version: int, order_version: int, *, required: bool) -> None:
    """Problem 412 where ``If-Match`` names neither the line as it is nor its order, 428 where it has to be sent."""
    if if_match is None or _ORDER_ETAG.format(order_version) not in if_match:
        matches_version(if_match, line_version, required=required)


async def _load(use_cases: UseCases, purchase_order_id: str) -> PurchaseOrder:
    async with use_cases.reading() as conn:
        found = await purchase_order(conn, purchase_order_id)
    if found is None:
        raise not_found("purchase order")
    return found


def _add_placing(api: APIRouter, use_cases: UseCases) -> None:
    @api.post("/v1/purchase-orders", status_code=201, summary="Place a purchase order")
    async def place_purchase_order(
        *,
        principal: Annotated[Principal, require("purchasing:write")],
        key: Annotated[str, idempotency_key()],
        body: PurchaseOrderBody,
        response: Response,
    ) -> PurchaseOrderView:
        may_state_business_time(principal, body.ordered_at, "ordered_at")
        command = PlacePurchaseOrder(
            purchase_order_id=new_event_id(),
            reference=body.reference,
            supplier_id=body.supplier_id,
            location_id=body.location_id,
            ordered_at=body.ordered_at or use_cases.clock.now(),
            lines=tuple(OrderedLine(new_event_id(), line.sku, line.quantity, line.eta) for line in body.lines),
        )
        claim = IdempotencyClaim(principal.key_id, _PLACE, key, fingerprint(body), command.purchase_order_id)
        submitted = await use_cases.place(command, claim)
        order = submitted.result or await _load(use_cases, str(submitted.resource_id))
        mark_replayed(response, submitted)
        response.headers["Location"] = f"/v1/purchase-orders/{order.purchase_order_id}"
        response.headers["ETag"] = _order_etag(order)
        return order_view(order)


def _add_reading(api: APIRouter, use_cases: UseCases) -> None:
    @api.get("/v1/purchase-orders", name="list_purchase_orders", summary="List purchase orders, newest first")
    async def list_all_purchase_orders(
        *,
        principal: Annotated[Principal, require("purchasing:read")],
        page: PageParams,
        request: Request,
        response: Response,
        reference: ReferenceQuery = None,
        supplier_id: Annotated[Name | None, Query(description="Only from this supplier")] = None,
        sku: SkuQuery = None,
        open: Annotated[bool | None, Query(description="Only with (true) or without (false) units to come")] = None,
    ) -> Page[PurchaseOrderView]:
        before = page.after(str)
        async with use_cases.reading() as conn:
            found = await list_purchase_orders(
                conn,
                reference=reference,
                supplier_id=supplier_id,
                sku=sku,
                is_open=open,
                before=before[0] if before else None,
                limit=page.limit + 1,
            )
        return page_of(
            found,
            page,
            view=order_view,
            cursor=lambda order: encode_cursor(order.purchase_order_id),
            request=request,
            response=response,
        )

    @api.get(
        "/v1/purchase-orders/{purchase_order_id}", summary="Read a purchase order", response_model=PurchaseOrderView
    )
    async def get_purchase_order(
        *,
        principal: Annotated[Principal, require("purchasing:read")],
        purchase_order_id: DocumentPath,
        request: Request,
        response: Response,
    ) -> Any:
        order = await _load(use_cases, purchase_order_id)
        if _order_etag(order) in request.headers.get("If-None-Match", ""):
            return Response(status_code=304, headers={"ETag": _order_etag(order)})
        response.headers["ETag"] = _order_etag(order)
        return order_view(order)

    @api.get(_LINE, summary="Read a line with its ETag", response_model=PurchaseOrderLineView)
    async def get_purchase_order_line(
        *,
        principal: Annotated[Principal, require("purchasing:read")],
        purchase_order_id: DocumentPath,
        line_id: DocumentPath,
        request: Request,
        response: Response,
    ) -> Any:
        order = await _load(use_cases, purchase_order_id)
        line = next((line for line in order.lines if line.line_id == line_id), None)
        if line is None:
            raise not_found("purchase order line")
        if not_modified(request, line.version):
            return not_modified_response(line.version)
        set_etag(response, line.version)
        return line_view(line)


def _add_changing(api: APIRouter, use_cases: UseCases) -> None:
    @api.patch(_LINE, summary="Move a line's date or quantity (If-Match: the ETag of the line or of its order)")
    async def change_purchase_order_line(
        *,
        principal: Annotated[Principal, require("purchasing:write")],
        purchase_order_id: DocumentPath,
        line_id: DocumentPath,
        body: LineChangeBody,
        response: Response,
        if_match: RequiredIfMatch = None,
    ) -> PurchaseOrderLineView:
        may_state_business_time(principal, body.changed_at, "changed_at")
        line = await use_cases.on_purchasing(
            lambda purchasing, now: change_line(
                purchasing,
                purchase_order_id,
                line_id,
                expect=partial(_expect, if_match, required=True),
                eta=body.eta,
                quantity=body.quantity,
                changed_at=body.changed_at or now,
                now=now,
            )
        )
        set_etag(response, line.version)
        return line_view(line)

    @api.post(_LINE + "/close", summary="Close a line short: the rest will not come")
    async def close_purchase_order_line(
        *,
        principal: Annotated[Principal, require("purchasing:write")],
        purchase_order_id: DocumentPath,
        line_id: DocumentPath,
        response: Response,
        body: Annotated[CloseBody | None, Body()] = None,
        if_match: IfMatch = None,
    ) -> PurchaseOrderLineView:
        closed_at = body.closed_at if body else None
        may_state_business_time(principal, closed_at, "closed_at")
        line = await use_cases.on_purchasing(
            lambda purchasing, now: close_line(
                purchasing,
                purchase_order_id,
                line_id,
                expect=partial(_expect, if_match, required=False),
                closed_at=closed_at or now,
                now=now,
            )
        )
        set_etag(response, line.version)
        return line_view(line)
