"""Suppliers: put, read and list."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from inventory_service.application.put_supplier import PutSupplier, put_supplier
from inventory_service.domain.catalogue import Supplier
from inventory_service.entrypoints.http.catalogue.supplier_schemas import SupplierBody, SupplierView
from inventory_service.entrypoints.http.dependencies import Application, Expected, PurchasingReader, PurchasingWriter
from inventory_service.entrypoints.http.fields import SupplierPath
from inventory_service.entrypoints.http.pages import page_of
from service_kit.commands.execute import execute, read
from service_kit.http.conditional import not_modified, not_modified_response, set_etag
from service_kit.http.pagination import Page, PageParams, encode_cursor
from service_kit.http.problems import not_found

router = APIRouter(tags=["Locations and suppliers"])


@router.get("/v1/suppliers", summary="List suppliers")
async def list_suppliers(
    *, principal: PurchasingReader, app: Application, page: PageParams, request: Request, response: Response
) -> Page[SupplierView]:
    after = page.after(str)
    found = await read(
        app.units,
        lambda uow: uow.queries.suppliers(after=after[0] if after else None, limit=page.limit + 1),
    )
    return page_of(
        found,
        page,
        view=lambda supplier: SupplierView.of(supplier.item, supplier.version),
        cursor=lambda supplier: encode_cursor(supplier.item.supplier_id),
        request=request,
        response=response,
    )


@router.put(
    "/v1/suppliers/{supplier_id}",
    name="put_supplier",
    summary="Create or replace a supplier; what is left out is set back to its default",
    responses={201: {"model": SupplierView, "description": "The supplier was made"}},
)
async def put_one_supplier(
    *,
    principal: PurchasingWriter,
    app: Application,
    supplier_id: SupplierPath,
    body: SupplierBody,
    response: Response,
    expected: Expected,
) -> SupplierView:
    wanted = Supplier(supplier_id, body.name)
    stored = await execute(app.units, put_supplier, PutSupplier(wanted, expected))
    response.status_code = 201 if stored.created else 200
    set_etag(response, stored.version)
    return SupplierView.of(wanted, stored.version)


@router.get("/v1/suppliers/{supplier_id}", summary="Read a supplier", response_model=SupplierView)
async def get_supplier(
    *, principal: PurchasingReader, app: Application, supplier_id: SupplierPath, request: Request, response: Response
) -> Any:
    found = await read(app.units, lambda uow: uow.queries.supplier(supplier_id))
    if found is None:
        raise not_found("supplier")
    if not_modified(request, found.version):
        return not_modified_response(found.version)
    set_etag(response, found.version)
    return SupplierView.of(found.item, found.version)
