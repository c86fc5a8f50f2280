"""The stock ledger: list its entries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from inventory_service.application.queries import EntryPosition, LedgerFilter
from inventory_service.entrypoints.http.dependencies import Application, InventoryReader
from inventory_service.entrypoints.http.fields import LocationQuery, SkuQuery
from inventory_service.entrypoints.http.pages import page_of
from inventory_service.entrypoints.http.stock.ledger_entry_schemas import LedgerEntryView
from service_kit.commands.execute import read
from service_kit.http.fields import Instant
from service_kit.http.pagination import Page, PageParams, encode_cursor

router = APIRouter(tags=["Stock"])


@router.get("/v1/ledger-entries", summary="The ledger by business time, newest first")
async def list_ledger_entries(
    *,
    principal: InventoryReader,
    app: Application,
    page: PageParams,
    request: Request,
    response: Response,
    sku: SkuQuery = None,
    location_id: LocationQuery = None,
    occurred_from: Annotated[Instant | None, Query(description="Business time from, inclusive")] = None,
    occurred_to: Annotated[Instant | None, Query(description="Business time to, exclusive")] = None,
) -> Page[LedgerEntryView]:
    cursor = page.after(datetime, int)
    before = None if cursor is None else EntryPosition(*cursor)
    wanted = LedgerFilter(sku, location_id, occurred_from, occurred_to)
    found = await read(app.units, lambda uow: uow.queries.ledger_entries(wanted, before=before, limit=page.limit + 1))
    return page_of(
        found,
        page,
        view=LedgerEntryView.of,
        cursor=lambda entry: encode_cursor(entry.occurred_at, entry.entry_id),
        request=request,
        response=response,
    )
