"""Receipts: record, read and list."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from event_contracts import new_event_id
from inventory_service.application.link_receipt_line import LinkReceiptLine, link_receipt_line
from inventory_service.domain.document_types import DocumentType
from inventory_service.entrypoints.http.dependencies import (
    Application,
    IdempotencyKey,
    InventoryReader,
    InventoryWriter,
)
from inventory_service.entrypoints.http.fields import DocumentPath
from inventory_service.entrypoints.http.pages import page_of
from inventory_service.entrypoints.http.stock.document_schemas import MAX_LINES
from inventory_service.entrypoints.http.stock.documents import (
    WantedDocuments,
    document_cursor,
    list_documents,
    load_document,
    recorded_document,
)
from inventory_service.entrypoints.http.stock.receipt_schemas import LinkBody, ReceiptBody, ReceiptView
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.commands.execute import execute
from service_kit.http.business_time import business_time
from service_kit.http.idempotency import fingerprint
from service_kit.http.pagination import Page, PageParams

_RECORD = "POST /v1/receipts"

router = APIRouter(tags=["Stock documents"])


@router.post("/v1/receipts", status_code=201, summary="Record a receipt, return or opening stock")
async def record_receipt(
    *, principal: InventoryWriter, app: Application, key: IdempotencyKey, body: ReceiptBody, response: Response
) -> ReceiptView:
    now = app.clock.now()
    stated = business_time(principal, body.received_at, "received_at", now)
    command = body.command(new_event_id(), stated or now, live=stated is None)
    claim = IdempotencyClaim(principal.key_id, _RECORD, key, fingerprint(body), command.receipt_id)
    submitted = await app.receipts.submit(command, claim)
    return ReceiptView.of(await recorded_document(app, DocumentType.RECEIPT, submitted, response))


@router.get("/v1/receipts", summary="List receipts, newest first")
async def list_receipts(
    *,
    principal: InventoryReader,
    app: Application,
    wanted: WantedDocuments,
    page: PageParams,
    request: Request,
    response: Response,
) -> Page[ReceiptView]:
    found = await list_documents(app, DocumentType.RECEIPT, wanted, page)
    return page_of(found, page, view=ReceiptView.of, cursor=document_cursor, request=request, response=response)


@router.get("/v1/receipts/{receipt_id}", summary="Read a receipt")
async def get_receipt(*, principal: InventoryReader, app: Application, receipt_id: DocumentPath) -> ReceiptView:
    return ReceiptView.of(await load_document(app, DocumentType.RECEIPT, receipt_id))


@router.post(
    "/v1/receipts/{receipt_id}/lines/{line_no}/link",
    name="link_receipt_line",
    summary="Link units that came before their purchase order was entered to one of its lines",
)
async def link_receipt(
    *,
    principal: InventoryWriter,
    app: Application,
    receipt_id: DocumentPath,
    line_no: Annotated[int, Path(ge=1, le=MAX_LINES, description="The line of the receipt, counted from 1")],
    body: LinkBody,
) -> ReceiptView:
    """Deduct the units of the line from what the purchase-order line expects, so that they are not expected again.

    Only lines of purchase receipts that name no purchase-order line yet, and one of the same SKU (409). Linking a line
    again to the same one changes nothing.
    """
    command = LinkReceiptLine(receipt_id, line_no, body.purchase_order_line_id)
    return ReceiptView.of(await execute(app.units, link_receipt_line, command))
