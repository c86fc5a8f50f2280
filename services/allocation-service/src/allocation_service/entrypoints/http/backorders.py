"""The queue: who waits, at which place, promised for when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from allocation_service.application.decisions.list_backorders import (
    PlacedEntry,
    QueuePage,
    QueueQuery,
    list_backorders_of_order,
    list_backorders_of_sku,
)
from allocation_service.entrypoints.http.dependencies import Application, BusinessNow
from service_kit.commands.execute import read
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.fields import Name
from service_kit.http.models import ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import FieldError, bad_request

router = APIRouter(tags=["Backorders"])


class BackorderView(ResponseModel):
    """Units of a line that wait in a queue."""

    order_id: str
    reference: str = Field(description="The caller's own name of the order")
    line_id: str
    sku: str
    quantity: int = Field(description="Units that wait at this place")
    place: int = Field(description="1 is served next")
    queued_at: datetime
    promise_date: date | None
    promise_revision: int
    ship_complete: bool


@router.get("/v1/backorders", name="list_backorders", summary="Who waits, at which place, promised for when")
async def list_backorders(
    *,
    principal: Annotated[Principal, require("backorders:read")],
    page: PageParams,
    request: Request,
    response: Response,
    application: Application,
    now: BusinessNow,
    sku: Annotated[Name | None, Query(description="The queue of this SKU, in the order it is served")] = None,
    order_id: Annotated[Name | None, Query(description="What this order waits for")] = None,
) -> Page[BackorderView]:
    grace_days = application.options.grace_days
    if sku is not None and order_id is None:
        query = QueueQuery(sku, page.after, page.limit, now, grace_days)
        found = await read(application.units, list_backorders_of_sku, query)
    elif order_id is not None and sku is None:
        found = QueuePage(await read(application.units, list_backorders_of_order, order_id, now, grace_days))
    else:
        words = "Give either sku or order_id."
        raise bad_request("sku_or_order_id", words, errors=[FieldError("", words, parameter="sku")])
    cursor = encode_cursor(*found.following) if found.following is not None else None
    link_header(response, request, cursor)
    return Page(data=[_view(one) for one in found.entries], next_cursor=cursor)


def _view(placed: PlacedEntry) -> BackorderView:
    entry = placed.entry
    return BackorderView(
        order_id=entry.order_id,
        reference=entry.reference,
        line_id=entry.line_id,
        sku=entry.sku,
        quantity=entry.quantity,
        place=placed.place,
        queued_at=entry.queued_at,
        promise_date=entry.promise_date,
        promise_revision=entry.promise_revision,
        ship_complete=entry.ship_complete,
    )
