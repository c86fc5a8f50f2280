"""Receipts (returns too), counts and adjustments: record, read, list."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from event_contracts import new_event_id
from inventory_service.adapters.stock_reads import document, list_documents
from inventory_service.adapters.use_cases import UseCases
from inventory_service.application.commands import DocumentType, StockDocument
from inventory_service.entrypoints.http.fields import DocumentPath, LocationQuery, ReferenceQuery, SkuQuery
from inventory_service.entrypoints.http.pages import page_of
from inventory_service.entrypoints.http.stock_bodies import (
    AdjustmentBody,
    AdjustmentView,
    CountBody,
    CountView,
    ReceiptBody,
    ReceiptView,
)
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.business_time import may_state_business_time
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, PageRequest, encode_cursor
from service_kit.http.problems import not_found

_TYPE_OF = {
    ReceiptBody: (DocumentType.RECEIPT, "received_at", "receipts"),
    CountBody: (DocumentType.COUNT, "counted_at", "counts"),
    AdjustmentBody: (DocumentType.ADJUSTMENT, "adjusted_at", "adjustments"),
}

Body = ReceiptBody | CountBody | AdjustmentBody


async def _record(use_cases: UseCases, principal: Principal, key: str, body: Body, response: Response) -> StockDocument:
    doc_type, time_field, collection = _TYPE_OF[type(body)]
    may_state_business_time(principal, getattr(body, time_field), time_field)
    command = body.command(new_event_id(), use_cases.clock.now())
    claim = IdempotencyClaim(principal.key_id, f"POST /v1/{collection}", key, fingerprint(body), command.document_id)
    submitted = await use_cases.record(command, claim)
    stored = submitted.result or await _load(use_cases, doc_type, str(submitted.resource_id))
    mark_replayed(response, submitted)
    response.headers["Location"] = f"/v1/{collection}/{stored.document_id}"
    return stored


async def _load(use_cases: UseCases, doc_type: DocumentType, document_id: str) -> StockDocument:
    async with use_cases.reading() as conn:
        found = await document(conn, doc_type, document_id)
    if found is None:
        raise not_found(doc_type.value)
    return found


async def _list(
    use_cases: UseCases,
    doc_type: DocumentType,
    page: PageRequest,
    *,
    reference: str | None,
    location_id: str | None,
    sku: str | None,
) -> list[StockDocument]:
    before = page.after(str)
    async with use_cases.reading() as conn:
        found = await list_documents(
            conn,
            doc_type,
            reference=reference,
            location_id=location_id,
            sku=sku,
            before=before[0] if before else None,
            limit=page.limit + 1,
        )
    return list(found)


def _cursor(stored: StockDocument) -> str:
    return encode_cursor(stored.document_id)


def router(use_cases: UseCases) -> APIRouter:
    """The routes of stock documents."""
    api = APIRouter(tags=["Stock documents"])
    _add_receipts(api, use_cases)
    _add_counts(api, use_cases)
    _add_adjustments(api, use_cases)
    return api


def _add_receipts(api: APIRouter, use_cases: UseCases) -> None:
    @api.post("/v1/receipts", status_code=201, summary="Record a receipt, return or opening stock")
    async def record_receipt(
        *,
        principal: Annotated[Principal, require("inventory:write")],
        key: Annotated[str, idempotency_key()],
        body: ReceiptBody,
        response: Response,
    ) -> ReceiptView:
        return ReceiptView.of(await _record(use_cases, principal, key, body, response))

    @api.get("/v1/receipts", summary="List receipts, newest first")
    async def list_receipts(
        *,
        principal: Annotated[Principal, require("inventory:read")],
        page: PageParams,
        request: Request,
        response: Response,
        reference: ReferenceQuery = None,
        location_id: LocationQuery = None,
        sku: SkuQuery = None,
    ) -> Page[ReceiptView]:
        found = await _list(
            use_cases, DocumentType.RECEIPT, page, reference=reference, location_id=location_id, sku=sku
        )
        return page_of(found, page, view=ReceiptView.of, cursor=_cursor, request=request, response=response)

    @api.get("/v1/receipts/{receipt_id}", summary="Read a receipt")
    async def get_receipt(
        *, principal: Annotated[Principal, require("inventory:read")], receipt_id: DocumentPath
    ) -> ReceiptView:
        return ReceiptView.of(await _load(use_cases, DocumentType.RECEIPT, receipt_id))


def _add_counts(api: APIRouter, use_cases: UseCases) -> None:
    @api.post("/v1/counts", status_code=201, summary="Record a count")
    async def record_count(
        *,
        principal: Annotated[Principal, require("inventory:write")],
        key: Annotated[str, idempotency_key()],
        body: CountBody,
        response: Response,
    ) -> CountView:
        return CountView.of(await _record(use_cases, principal, key, body, response))

    @api.get("/v1/counts", summary="List counts, newest first")
    async def list_counts(
        *,
        principal: Annotated[Principal, require("inventory:read")],
        page: PageParams,
        request: Request,
        response: Response,
        reference: ReferenceQuery = None,
        location_id: LocationQuery = None,
        sku: SkuQuery = None,
    ) -> Page[CountView]:
        found = await _list(use_cases, DocumentType.COUNT, page, reference=reference, location_id=location_id, sku=sku)
        return page_of(found, page, view=CountView.of, cursor=_cursor, request=request, response=response)

    @api.get("/v1/counts/{count_id}", summary="Read a count")
    async def get_count(
        *, principal: Annotated[Principal, require("inventory:read")], count_id: DocumentPath
    ) -> CountView:
        return CountView.of(await _load(use_cases, DocumentType.COUNT, count_id))


def _add_adjustments(api: APIRouter, use_cases: UseCases) -> None:
    @api.post("/v1/adjustments", status_code=201, summary="Record an adjustment")
    async def record_adjustment(
        *,
        principal: Annotated[Principal, require("inventory:write")],
        key: Annotated[str, idempotency_key()],
        body: AdjustmentBody,
        response: Response,
    ) -> AdjustmentView:
        return AdjustmentView.of(await _record(use_cases, principal, key, body, response))

    @api.get("/v1/adjustments", summary="List adjustments, newest first")
    async def list_adjustments(
        *,
        principal: Annotated[Principal, require("inventory:read")],
        page: PageParams,
        request: Request,
        response: Response,
        reference: ReferenceQuery = None,
        location_id: LocationQuery = None,
        sku: SkuQuery = None,
    ) -> Page[AdjustmentView]:
        found = await _list(
            use_cases, DocumentType.ADJUSTMENT, page, reference=reference, location_id=location_id, sku=sku
        )
        return page_of(found, page, view=AdjustmentView.of, cursor=_cursor, request=request, response=response)

    @api.get("/v1/adjustments/{adjustment_id}", summary="Read an adjustment")
    async def get_adjustment(
        *, principal: Annotated[Principal, require("inventory:read")], adjustment_id: DocumentPath
    ) -> AdjustmentView:
        return AdjustmentView.of(await _load(use_cases, DocumentType.ADJUSTMENT, adjustment_id))
