"""Stock levels: list them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from inventory_service.application.queries import LevelPosition
from inventory_service.entrypoints.http.dependencies import Application, InventoryReader
from inventory_service.entrypoints.http.fields import LocationQuery
from inventory_service.entrypoints.http.pages import page_of
from inventory_service.entrypoints.http.stock.stock_level_schemas import StockLevelView
from service_kit.commands.execute import read
from service_kit.http.fields import Name
from service_kit.http.pagination import Page, PageParams, encode_cursor

router = APIRouter(tags=["Stock"])


@router.get("/v1/stock-levels", summary="List stock levels by SKU and location")
async def list_stock_levels(
    *,
    principal: InventoryReader,
    app: Application,
    page: PageParams,
    request: Request,
    response: Response,
    sku: Annotated[list[Name], Query(max_length=100, description="Only these SKUs; give it several times")] = [],  # noqa: B006
    location_id: LocationQuery = None,
) -> Page[StockLevelView]:
    cursor = page.after(str, str)
    after = None if cursor is None else LevelPosition(*cursor)
    found = await read(
        app.units,
        lambda uow: uow.queries.levels(skus=sku, location_id=location_id, after=after, limit=page.limit + 1),
    )
    return page_of(
        found,
        page,
        view=StockLevelView.of,
        cursor=lambda level: encode_cursor(level.sku, level.location_id),
        request=request,
        response=response,
    )
