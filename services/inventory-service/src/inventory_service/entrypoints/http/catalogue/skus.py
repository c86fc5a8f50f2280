"""SKUs: put one, put many at once, read and list."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from inventory_service.application.change_sku import change_sku
from inventory_service.application.merge_sku import MergeSku, merge_sku
from inventory_service.application.put_sku import PutSku, put_sku
from inventory_service.application.put_skus import PutSkus, put_skus
from inventory_service.application.queries import Versioned
from inventory_service.bootstrap import InventoryApplication
from inventory_service.domain.catalogue import Sku
from inventory_service.domain.errors import SellingTermsIncomplete
from inventory_service.entrypoints.http.catalogue.sku_schemas import (
    BulkBody,
    BulkView,
    MergeBody,
    OneSkuBody,
    SkuPatch,
    SkuView,
)
from inventory_service.entrypoints.http.dependencies import (
    Application,
    Expected,
    InventoryReader,
    InventoryWriter,
    RequiredVersion,
)
from inventory_service.entrypoints.http.fields import SkuPath
from inventory_service.entrypoints.http.pages import page_of
from inventory_service.entrypoints.http.problems import selling_terms_incomplete
from service_kit.commands.execute import execute, read
from service_kit.http.business_time import business_time, check_plans
from service_kit.http.conditional import not_modified, not_modified_response, set_etag
from service_kit.http.fields import Name
from service_kit.http.pagination import Page, PageParams, encode_cursor
from service_kit.http.problems import not_found

router = APIRouter(tags=["SKUs"])

_RELEASE = "/selling_policy/release_date"


@router.put("/v1/skus", summary="Create or replace many SKUs; how they are sold stays as it is where it is left out")
async def put_many_skus(*, principal: InventoryWriter, app: Application, body: BulkBody) -> BulkView:
    now = app.clock.now()
    changed_at = business_time(principal, body.changed_at, "changed_at", now)
    releases = [(item.selling_policy.release_date, f"/skus/{place}{_RELEASE}") for place, item in enumerate(body.skus)]
    check_plans(releases, now)
    command = PutSkus(
        tuple(item.as_sku(item.sku) for item in body.skus), changed_at, {item.sku: item.kept for item in body.skus}
    )
    try:
        stored = await execute(app.units, put_skus, command)
    except SellingTermsIncomplete as error:
        place = next(place for place, item in enumerate(body.skus) if item.sku == error.sku)
        raise selling_terms_incomplete(error, f"/skus/{place}") from error
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
    summary="Create or replace a SKU; how it is sold stays as it is where it is left out",
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
    now = app.clock.now()
    changed_at = business_time(principal, body.changed_at, "changed_at", now)
    check_plans([(body.selling_policy.release_date, _RELEASE)], now)
    put, stored = await execute(app.units, put_sku, PutSku(body.as_sku(sku), expected, changed_at, body.kept))
    response.status_code = 201 if stored.created else 200
    set_etag(response, stored.version)
    return SkuView.of(put, stored.version)


@router.patch(
    "/v1/skus/{sku:path}",
    name="change_sku",
    summary="Change some values of a SKU (If-Match: its ETag); what is left out stays as it is",
)
async def patch_sku(
    *,
    principal: InventoryWriter,
    app: Application,
    sku: SkuPath,
    body: SkuPatch,
    response: Response,
    expected: RequiredVersion,
) -> SkuView:
    now = app.clock.now()
    changed_at = business_time(principal, body.changed_at, "changed_at", now)
    check_plans([(body.selling_policy.release_date if body.selling_policy else None, _RELEASE)], now)
    changed = await execute(app.units, change_sku, body.command(sku, expected, changed_at))
    set_etag(response, changed.version)
    return SkuView.of(changed.item, changed.version)


@router.post(
    "/v1/skus/{sku:path}/merge",
    name="merge_sku",
    summary="Rename a SKU, or merge it into another (If-Match: its ETag); whoever waits for it keeps the place",
)
async def merge_one_sku(
    *,
    principal: InventoryWriter,
    app: Application,
    sku: SkuPath,
    body: MergeBody,
    response: Response,
    expected: RequiredVersion,
) -> SkuView:
    """The SKU that has everything now. To ask for the same once more changes nothing.

    `into` that does not exist is made, and sold as the SKU was. Orders, shipments and changes may go on naming the old
    name; stock documents, purchase orders and changes of the SKU are refused and told the new one.
    """
    merged = await execute(app.units, merge_sku, MergeSku(sku, body.into, expected))
    set_etag(response, merged.version)
    return SkuView.of(merged.item, merged.version)


@router.get("/v1/skus/{sku:path}", summary="Read a SKU", response_model=SkuView)
async def get_sku(
    *, principal: InventoryReader, app: Application, sku: SkuPath, request: Request, response: Response
) -> Any:
    found = await _sku(app, sku)
    if not_modified(request, found.version):
        return not_modified_response(found.version)
    set_etag(response, found.version)
    return SkuView.of(found.item, found.version)


async def _sku(app: InventoryApplication, sku: str) -> Versioned[Sku]:
    found = await read(app.units, lambda uow: uow.queries.sku(sku))
    if found is None:
        raise not_found("sku")
    return found
