"""SKUs: put one, put many at once, read and list."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from inventory_service.application.put_sku import PutSku, put_sku
from inventory_service.application.put_skus import PutSkus, put_skus
from inventory_service.entrypoints.http.catalogue.sku_schemas import BulkBody, BulkView, OneSkuBody, SkuView
from inventory_service.entrypoints.http.dependencies import Application, Expected, InventoryReader, InventoryWriter
from inventory_service.entrypoints.http.fields import SkuPath
from inventory_service.entrypoints.http.pages import page_of
from service_kit.commands.execute import execute, read
from service_kit.http.business_time import may_state_business_time
from service_kit.http.conditional import not_modified, not_modified_response, set_etag
from service_kit.http.fields import Name
from service_kit.http.pagination import Page, PageParams, encode_cursor
from service_kit.http.problems import not_found

router = APIRouter(tags=["SKUs"])


@router.put("/v1/skus", summary="Create or replace many SKUs; what is left out is set back to its default")
async def put_many_skus(*, principal: InventoryWriter, app: Application, body: BulkBody) -> BulkView:
    may_state_business_time(principal, body.changed_at, "changed_at")
    command = PutSkus(tuple(item.as_sku(item.sku) for item in body.skus), body.changed_at)
    stored = await execute(app.units, put_skus, command)
    return BulkView.of(stored.values())


@router.get("/v1/skus", summary="List SKUs")
async def list_skus(
    *,
    principal: InventoryReader,
    app: Application,
    page: PageParams,
    request: Request,
    response: Response,
    category: Annotated[Name | None, Query(description="Only of this category")] = None,
) -> Page[SkuView]:
    after = page.after(str)
    found = await read(
        app.units,
        lambda uow: uow.queries.skus(category=category, after=after[0] if after else None, limit=page.limit + 1),
    )
    return page_of(
        found,
        page,
        view=lambda sku: SkuView.of(sku.item, sku.version),
        cursor=lambda sku: encode_cursor(sku.item.sku),
        request=request,
        response=response,
    )


@router.put(
    "/v1/skus/{sku:path}",
    name="put_sku",
    summary="Create or replace a SKU; what is left out is set back to its default",
    responses={201: {"model": SkuView, "description": "The SKU was made"}},
)
async def put_one_sku(
    *,
    principal: InventoryWriter,
    app: Application,
    sku: SkuPath,
    body: OneSkuBody,
    response: Response,
    expected: Expected,
) -> SkuView:
    may_state_business_time(principal, body.changed_at, "changed_at")
    wanted = body.as_sku(sku)
    stored = await execute(app.units, put_sku, PutSku(wanted, expected, body.changed_at))
    response.status_code = 201 if stored.created else 200
    set_etag(response, stored.version)
    return SkuView.of(wanted, stored.version)


@router.get("/v1/skus/{sku:path}", summary="Read a SKU", response_model=SkuView)
async def get_sku(
    *, principal: InventoryReader, app: Application, sku: SkuPath, request: Request, response: Response
) -> Any:
    found = await read(app.units, lambda uow: uow.queries.sku(sku))
    if found is None:
        raise not_found("sku")
    if not_modified(request, found.version):
        return not_modified_response(found.version)
    set_etag(response, found.version)
    return SkuView.of(found.item, found.version)
