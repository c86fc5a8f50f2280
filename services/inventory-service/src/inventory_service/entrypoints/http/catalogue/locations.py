"""Locations: put, read and list."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from inventory_service.application.put_location import PutLocation, put_location
from inventory_service.domain.catalogue import Location
from inventory_service.entrypoints.http.catalogue.location_schemas import LocationBody, LocationView
from inventory_service.entrypoints.http.dependencies import Application, Expected, InventoryReader, InventoryWriter
from inventory_service.entrypoints.http.fields import LocationPath
from inventory_service.entrypoints.http.pages import page_of
from service_kit.commands.execute import execute, read
from service_kit.http.business_time import business_time
from service_kit.http.conditional import not_modified, not_modified_response, set_etag
from service_kit.http.pagination import Page, PageParams, encode_cursor
from service_kit.http.problems import not_found

router = APIRouter(tags=["Locations and suppliers"])


@router.get("/v1/locations", summary="List locations")
async def list_locations(
    *, principal: InventoryReader, app: Application, page: PageParams, request: Request, response: Response
) -> Page[LocationView]:
    after = page.after(str)
    found = await read(
        app.units,
        lambda uow: uow.queries.locations(after=after[0] if after else None, limit=page.limit + 1),
    )
    return page_of(
        found,
        page,
        view=lambda location: LocationView.of(location.item, location.version),
        cursor=lambda location: encode_cursor(location.item.location_id),
        request=request,
        response=response,
    )


@router.put(
    "/v1/locations/{location_id}",
    name="put_location",
    summary="Create or replace a location; what is left out is set back to its default",
    responses={201: {"model": LocationView, "description": "The location was made"}},
)
async def put_one_location(
    *,
    principal: InventoryWriter,
    app: Application,
    location_id: LocationPath,
    body: LocationBody,
    response: Response,
    expected: Expected,
) -> LocationView:
    changed_at = business_time(principal, body.changed_at, "changed_at", app.clock.now())
    wanted = Location(location_id, body.name, body.priority, body.active, body.calendar())
    stored = await execute(app.units, put_location, PutLocation(wanted, expected, changed_at))
    response.status_code = 201 if stored.created else 200
    set_etag(response, stored.version)
    return LocationView.of(wanted, stored.version)


@router.get("/v1/locations/{location_id}", summary="Read a location", response_model=LocationView)
async def get_location(
    *, principal: InventoryReader, app: Application, location_id: LocationPath, request: Request, response: Response
) -> Any:
    found = await read(app.units, lambda uow: uow.queries.location(location_id))
    if found is None:
        raise not_found("location")
    if not_modified(request, found.version):
        return not_modified_response(found.version)
    set_etag(response, found.version)
    return LocationView.of(found.item, found.version)
