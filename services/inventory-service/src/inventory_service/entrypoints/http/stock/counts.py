"""Counts: record, read and list."""

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
from inventory_service.entrypoints.http.stock.count_schemas import CountBody, CountView
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

_RECORD = "POST /v1/counts"

router = APIRouter(tags=["Stock documents"])


@router.post("/v1/counts", status_code=201, summary="Record a count")
async def record_count(
    *, principal: InventoryWriter, app: Application, key: IdempotencyKey, body: CountBody, response: Response
) -> CountView:
    now = app.clock.now()
    stated = business_time(principal, body.counted_at, "counted_at", now)
    command = body.command(new_event_id(), stated or now, live=stated is None)
    claim = IdempotencyClaim(principal.key_id, _RECORD, key, fingerprint(body), command.count_id)
    submitted = await app.counts.submit(command, claim)
    return CountView.of(await recorded_document(app, DocumentType.COUNT, submitted, response))


@router.get("/v1/counts", summary="List counts, newest first")
async def list_counts(
    *,
    principal: InventoryReader,
    app: Application,
    wanted: WantedDocuments,
    page: PageParams,
    request: Request,
    response: Response,
) -> Page[CountView]:
    found = await list_documents(app, DocumentType.COUNT, wanted, page)
    return page_of(found, page, view=CountView.of, cursor=document_cursor, request=request, response=response)


@router.get("/v1/counts/{count_id}", summary="Read a count")
async def get_count(*, principal: InventoryReader, app: Application, count_id: DocumentPath) -> CountView:
    return CountView.of(await load_document(app, DocumentType.COUNT, count_id))
