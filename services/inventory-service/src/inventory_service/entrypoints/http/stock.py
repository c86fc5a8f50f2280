"""Levels, and the ledger that explains them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy.engine import Row

from inventory_service.adapters.stock_reads import LedgerFilter, list_ledger_entries, list_levels
from inventory_service.adapters.use_cases import UseCases
from inventory_service.domain.stock import EntryKind
from inventory_service.entrypoints.http.fields import LocationQuery, SkuQuery
from inventory_service.entrypoints.http.pages import page_of
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.fields import Instant, Name
from service_kit.http.models import ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor


class StockLevelView(ResponseModel):
    """The level of a SKU at a location; supply = on hand + shipped."""

    sku: str
    location_id: str
    on_hand: int
    shipped: int = Field(description="Units that ever left by a shipment; never falls")
    supply: int
    version: int = Field(description="Counts the changes")
    counted_at: datetime | None = Field(description="Business time of the last count")
    updated_at: datetime


class LedgerEntryView(ResponseModel):
    """One entry. The deltas of a level sum up to its on hand and shipped."""

    entry_id: int
    sku: str
    location_id: str
    kind: EntryKind
    on_hand_delta: int
    shipped_delta: int
    supply_delta: int = Field(description="on_hand_delta + shipped_delta; 0 for a shipment")
    on_hand_after: int
    shipped_after: int
    version: int = Field(description="The level's version after the change")
    occurred_at: datetime = Field(description="Business time")
    recorded_at: datetime
    document_id: str = Field(description="The receipt, count, adjustment or shipment")
    line_id: str
    reason: str


def _level(row: Row[Any]) -> StockLevelView:
    return StockLevelView.model_validate({**row._mapping, "supply": row.on_hand + row.shipped})


def _entry(row: Row[Any]) -> LedgerEntryView:
    return LedgerEntryView.model_validate({**row._mapping, "version": row.level_version})


def router(use_cases: UseCases) -> APIRouter:
    """The routes of levels and ledger."""
    api = APIRouter(tags=["Stock"])
    _add_levels(api, use_cases)
    _add_ledger(api, use_cases)
    return api


def _add_levels(api: APIRouter, use_cases: UseCases) -> None:
    @api.get("/v1/stock-levels", name="list_stock_levels", summary="List stock levels by SKU and location")
    async def list_stock_levels(
        *,
        principal: Annotated[Principal, require("inventory:read")],
        page: PageParams,
        request: Request,
        response: Response,
        sku: Annotated[list[Name], Query(max_length=100, description="Only these SKUs; give it several times")] = [],  # noqa: B006
        location_id: LocationQuery = None,
    ) -> Page[StockLevelView]:
        after = page.after(str, str)
        async with use_cases.reading() as conn:
            found = await list_levels(
                conn,
                skus=sku,
                location_id=location_id,
                after=(after[0], after[1]) if after else None,
                limit=page.limit + 1,
            )
        return page_of(
            found,
            page,
            view=_level,
            cursor=lambda row: encode_cursor(row.sku, row.location_id),
            request=request,
            response=response,
        )


def _add_ledger(api: APIRouter, use_cases: UseCases) -> None:
    @api.get("/v1/ledger-entries", name="list_ledger_entries", summary="The ledger by business time, newest first")
    async def list_entries(
        *,
        principal: Annotated[Principal, require("inventory:read")],
        page: PageParams,
        request: Request,
        response: Response,
        sku: SkuQuery = None,
        location_id: LocationQuery = None,
        occurred_from: Annotated[Instant | None, Query(description="Business time from, inclusive")] = None,
        occurred_to: Annotated[Instant | None, Query(description="Business time to, exclusive")] = None,
    ) -> Page[LedgerEntryView]:
        before = page.after(datetime, int)
        wanted = LedgerFilter(sku, location_id, occurred_from, occurred_to)
        async with use_cases.reading() as conn:
            found = await list_ledger_entries(
                conn, wanted, before=(before[0], before[1]) if before else None, limit=page.limit + 1
            )
        return page_of(
            found,
            page,
            view=_entry,
            cursor=lambda row: encode_cursor(row.occurred_at, row.entry_id),
            request=request,
            response=response,
        )
