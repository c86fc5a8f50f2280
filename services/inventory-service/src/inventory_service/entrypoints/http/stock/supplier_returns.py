"""Supplier returns: record, read and list."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from event_contracts import new_event_id
from inventory_service.domain.document_types import DocumentType
from inventory_service.entrypoints.http.dependencies import (
    Application,
    IdempotencyKey,
    InventoryReader,
    InventoryWriter,
)
from inventory_service.entrypoints.http.fields import DocumentPath
from inventory_service.entrypoints.http.pages import page_of
from inventory_service.entrypoints.http.stock.documents import (
    WantedDocuments,
    document_cursor,
    list_documents,
    load_document,
    recorded_document,
)
from inventory_service.entrypoints.http.stock.supplier_return_schemas import SupplierReturnBody, SupplierReturnView
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.http.business_time import business_time
from service_kit.http.idempotency import fingerprint
from service_kit.http.pagination import Page, PageParams

_RECORD = "POST /v1/supplier-returns"

router = APIRouter(tags=["Stock documents"])


@router.post("/v1/supplier-returns", status_code=201, summary="Record units that went back to the supplier")
async def record_supplier_return(
    *, principal: InventoryWriter, app: Application, key: IdempotencyKey, body: SupplierReturnBody, response: Response
) -> SupplierReturnView:
    """Take the units from the stock; of a named purchase-order line they are expected once more.

    Refused: more than is on hand, or than was received on the line (409). A line that was closed short stays closed.
    """
    now = app.clock.now()
    stated = business_time(principal, body.returned_at, "returned_at", now)
    command = body.command(new_event_id(), stated or now, live=stated is None)
    claim = IdempotencyClaim(principal.key_id, _RECORD, key, fingerprint(body), command.supplier_return_id)
    submitted = await app.supplier_returns.submit(command, claim)
    return SupplierReturnView.of(await recorded_document(app, DocumentType.SUPPLIER_RETURN, submitted, response))


@router.get("/v1/supplier-returns", summary="List supplier returns, newest first")
async def list_supplier_returns(
    *,
    principal: InventoryReader,
    app: Application,
    wanted: WantedDocuments,
    page: PageParams,
    request: Request,
    response: Response,
) -> Page[SupplierReturnView]:
    found = await list_documents(app, DocumentType.SUPPLIER_RETURN, wanted, page)
    return page_of(found, page, view=SupplierReturnView.of, cursor=document_cursor, request=request, response=response)


@router.get("/v1/supplier-returns/{supplier_return_id}", summary="Read a supplier return")
async def get_supplier_return(
    *, principal: InventoryReader, app: Application, supplier_return_id: DocumentPath
) -> SupplierReturnView:
    return SupplierReturnView.of(await load_document(app, DocumentType.SUPPLIER_RETURN, supplier_return_id))
