"""Locations and suppliers."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from inventory_service.adapters.catalogue_reads import (
    Versioned,
    list_locations,
    list_suppliers,
    location_named,
    supplier_named,
)
from inventory_service.adapters.use_cases import UseCases
from inventory_service.application.keep_catalogue import put_location, put_supplier
from inventory_service.domain.catalogue import Location, Supplier
from inventory_service.entrypoints.http.fields import LocationPath, SupplierPath
from inventory_service.entrypoints.http.pages import page_of
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.business_time import may_state_business_time
from service_kit.http.conditional import IfMatch, matches_version, not_modified, not_modified_response, set_etag
from service_kit.http.fields import WHOLE_NUMBER, Instant, Title
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor
from service_kit.http.problems import not_found


class LocationBody(RequestModel):
    """A location as it shall be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Main warehouse", "priority": 10}]})

    name: Title
    priority: Annotated[int, Field(ge=0, le=1_000_000), WHOLE_NUMBER] = Field(
        default=100, description="When several locations can serve, the lower one serves first"
    )
    changed_at: Instant | None = Field(default=None, description="Business time of the change; scope `import` only")


class LocationView(ResponseModel):
    """A place that holds stock."""

    location_id: str
    name: str
    priority: int
    version: int = Field(description="Counts the changes; also the ETag")


class SupplierBody(RequestModel):
    """A supplier as it shall be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acme Trading"}]})

    name: Title


class SupplierView(ResponseModel):
    """Someone who delivers."""

    supplier_id: str
    name: str
    version: int = Field(description="Counts the changes; also the ETag")


def _location(found: Versioned) -> LocationView:
    location: Location = found.row
    return LocationView(
        location_id=location.location_id, name=location.name, priority=location.priority, version=found.version
    )


def _supplier(found: Versioned) -> SupplierView:
    return SupplierView(supplier_id=found.row.supplier_id, name=found.row.name, version=found.version)


def router(use_cases: UseCases) -> APIRouter:
    """The routes of locations and suppliers."""
    api = APIRouter(tags=["Locations and suppliers"])
    _add_location_list(api, use_cases)
    _add_location(api, use_cases)
    _add_supplier_list(api, use_cases)
    _add_supplier(api, use_cases)
    return api


def _add_location_list(api: APIRouter, use_cases: UseCases) -> None:
    @api.get("/v1/locations", name="list_locations", summary="List locations")
    async def list_all_locations(
        *,
        principal: Annotated[Principal, require("inventory:read")],
        page: PageParams,
        request: Request,
        response: Response,
    ) -> Page[LocationView]:
        after = page.after(str)
        async with use_cases.reading() as conn:
            found = await list_locations(conn, after=after[0] if after else None, limit=page.limit + 1)
        return page_of(
            found,
            page,
            view=_location,
            cursor=lambda row: encode_cursor(row.row.location_id),
            request=request,
            response=response,
        )


def _add_location(api: APIRouter, use_cases: UseCases) -> None:
    @api.put(
        "/v1/locations/{location_id}",
        name="put_location",
        summary="Create or replace a location; what is left out is set back to its default",
        responses={201: {"model": LocationView, "description": "The location was made"}},
    )
    async def put_one_location(
        *,
        principal: Annotated[Principal, require("inventory:write")],
        location_id: LocationPath,
        body: LocationBody,
        response: Response,
        if_match: IfMatch = None,
    ) -> LocationView:
        may_state_business_time(principal, body.changed_at, "changed_at")
        wanted = Location(location_id, body.name, body.priority)
        stored = await use_cases.on_catalogue(
            lambda catalogue, now: put_location(
                catalogue, wanted, expect=partial(matches_version, if_match), changed_at=body.changed_at or now, now=now
            )
        )
        response.status_code = 201 if stored.created else 200
        set_etag(response, stored.version)
        return _location(Versioned(wanted, stored.version))

    @api.get("/v1/locations/{location_id}", name="get_location", summary="Read a location", response_model=LocationView)
    async def get_location(
        *,
        principal: Annotated[Principal, require("inventory:read")],
        location_id: LocationPath,
        request: Request,
        response: Response,
    ) -> Any:
        async with use_cases.reading() as conn:
            found = await location_named(conn, location_id)
        if found is None:
            raise not_found("location")
        if not_modified(request, found.version):
            return not_modified_response(found.version)
        set_etag(response, found.version)
        return _location(found)


def _add_supplier_list(api: APIRouter, use_cases: UseCases) -> None:
    @api.get("/v1/suppliers", name="list_suppliers", summary="List suppliers")
    async def list_all_suppliers(
        *,
        principal: Annotated[Principal, require("purchasing:read")],
        page: PageParams,
        request: Request,
        response: Response,
    ) -> Page[SupplierView]:
        after = page.after(str)
        async with use_cases.reading() as conn:
            found = await list_suppliers(conn, after=after[0] if after else None, limit=page.limit + 1)
        return page_of(
            found,
            page,
            view=_supplier,
            cursor=lambda row: encode_cursor(row.row.supplier_id),
            request=request,
            response=response,
        )


def _add_supplier(api: APIRouter, use_cases: UseCases) -> None:
    @api.put(
        "/v1/suppliers/{supplier_id}",
        name="put_supplier",
        summary="Create or replace a supplier; what is left out is set back to its default",
        responses={201: {"model": SupplierView, "description": "The supplier was made"}},
    )
    async def put_one_supplier(
        *,
        principal: Annotated[Principal, require("purchasing:write")],
        supplier_id: SupplierPath,
        body: SupplierBody,
        response: Response,
        if_match: IfMatch = None,
    ) -> SupplierView:
        wanted = Supplier(supplier_id, body.name)
        stored = await use_cases.on_catalogue(
            lambda catalogue, now: put_supplier(catalogue, wanted, expect=partial(matches_version, if_match), now=now)
        )
        response.status_code = 201 if stored.created else 200
        set_etag(response, stored.version)
        return _supplier(Versioned(wanted, stored.version))

    @api.get("/v1/suppliers/{supplier_id}", name="get_supplier", summary="Read a supplier", response_model=SupplierView)
    async def get_supplier(
        *,
        principal: Annotated[Principal, require("purchasing:read")],
        supplier_id: SupplierPath,
        request: Request,
        response: Response,
    ) -> Any:
        async with use_cases.reading() as conn:
            found = await supplier_named(conn, supplier_id)
        if found is None:
            raise not_found("supplier")
        if not_modified(request, found.version):
            return not_modified_response(found.version)
        set_etag(response, found.version)
        return _supplier(found)
