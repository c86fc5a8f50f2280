"""Adjustments: record, read and list."""

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
from inventory_service.entrypoints.http.stock.adjustment_schemas import AdjustmentBody, AdjustmentView
from inventory_service.entrypoints.http.stock.documents import (
    WantedDocuments,
    document_cursor,
    list_documents,
    load_document,
    recorded_document,
)
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.http.business_time import business_time
from service_kit.http.idempotency import fingerprint
from service_kit.http.pagination import Page, PageParams

_RECORD = "POST /v1/adjustments"

router = APIRouter(tags=["Stock documents"])


@router.post("/v1/adjustments", status_code=201, summary="Record an adjustment")
async def record_adjustment(
    *, principal: InventoryWriter, app: Application, key: IdempotencyKey, body: AdjustmentBody, response: Response
) -> AdjustmentView:
    now = app.clock.now()
    stated = business_time(principal, body.adjusted_at, "adjusted_at", now)
    command = body.command(new_event_id(), stated or now, live=stated is None)
    claim = IdempotencyClaim(principal.key_id, _RECORD, key, fingerprint(body), command.adjustment_id)
    submitted = await app.adjustments.submit(command, claim)
    return AdjustmentView.of(await recorded_document(app, DocumentType.ADJUSTMENT, submitted, response))


@router.get("/v1/adjustments", summary="List adjustments, newest first")
async def list_adjustments(
    *,
    principal: InventoryReader,
    app: Application,
    wanted: WantedDocuments,
    page: PageParams,
    request: Request,
    response: Response,
) -> Page[AdjustmentView]:
    found = await list_documents(app, DocumentType.ADJUSTMENT, wanted, page)
    return page_of(found, page, view=AdjustmentView.of, cursor=document_cursor, request=request, response=response)


@router.get("/v1/adjustments/{adjustment_id}", summary="Read an adjustment")
async def get_adjustment(
    *, principal: InventoryReader, app: Application, adjustment_id: DocumentPath
) -> AdjustmentView:
    return AdjustmentView.of(await load_document(app, DocumentType.ADJUSTMENT, adjustment_id))
