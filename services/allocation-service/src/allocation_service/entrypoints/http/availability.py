"""Availability for product pages and carts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from allocation_service.adapters.store.session_reads import peek_skus
from allocation_service.domain.supply.availability import Availability, State, availability
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import authorized, require
from service_kit.http.fast_path import Call, HotRouter, json_body
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.persistence.database import Database

Sku = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Skus = Annotated[list[Sku], Query(min_length=1, max_length=100, description="Give it once for each SKU")]
Quantity = Annotated[int, Query(ge=1, le=1_000_000, description="How many of each")]

_SCOPE = "availability:read"
_SKUS: TypeAdapter[list[str]] = TypeAdapter(Skus)
_QUANTITY: TypeAdapter[int] = TypeAdapter(Quantity)

_SCHEMA_ORG = {
    State.IN_STOCK: "https://schema.org/InStock",
    State.BACKORDER: "https://schema.org/BackOrder",
    State.PREORDER: "https://schema.org/PreOrder",
    State.OUT_OF_STOCK: "https://schema.org/OutOfStock",
}


class CartLine(RequestModel):
    """A SKU and how many of it."""

    sku: Sku
    quantity: int = Field(ge=1, le=1_000_000)


class Cart(RequestModel):
    """What a shopper has in the cart; the same SKU on several lines is counted together."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lines": [{"sku": "desk-lamp", "quantity": 2}]}]})

    lines: list[CartLine] = Field(min_length=1, max_length=1000)


class AvailabilityView(ResponseModel):
    """Whether the quantity asked for can be had, and by when."""

    sku: str
    quantity: int = Field(description="The quantity asked for")
    known: bool = Field(description="False for a SKU that is not sold here")
    state: State
    available_quantity: int = Field(description="Units that could be allocated now")
    backorder_remaining: int | None = Field(description="Units that may still be ordered past stock; null: no cap")
    promise_date: date | None = Field(description="When this quantity would be available")
    as_of: datetime
    schema_org: dict[str, Any] = Field(description="JSON-LD of the offer for a product page")


class AvailabilityList(ResponseModel):
    """One row for each line asked for."""

    data: list[AvailabilityView]


def _view(found: Availability, quantity: int, now: datetime) -> AvailabilityView:
    offer: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Offer",
        "sku": found.sku,
        "availability": _SCHEMA_ORG[found.state],
    }
    if found.promise_date is not None and found.state is not State.IN_STOCK:
        offer["availabilityStarts"] = found.promise_date.isoformat()
    return AvailabilityView(
        sku=found.sku,
        quantity=quantity,
        known=found.known,
        state=found.state,
        available_quantity=found.available_quantity,
        backorder_remaining=found.backorder_remaining,
        promise_date=found.promise_date,
        as_of=now,
        schema_org=offer,
    )


def router(database: Database, now: Callable[[], Awaitable[datetime]], grace_days: int) -> APIRouter:
    """The routes of availability."""
    api = HotRouter(tags=["Availability"])

    async def answer(wanted: Mapping[str, int]) -> AvailabilityList:
        at = await now()
        async with database.reading() as conn:
            skus = await peek_skus(conn, wanted, at)
        rows = []
        for sku, units in wanted.items():
            rows.append(_view(availability(sku, skus.get(sku), units, at, grace_days), units, at))
        return AvailabilityList(data=rows)

    @api.post("/v1/availability", name="check_cart", summary="Availability of a cart")
    async def check_cart(cart: Cart, principal: Annotated[Principal, require(_SCOPE)]) -> AvailabilityList:
        wanted: dict[str, int] = {}
        for line in cart.lines:
            wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
        return await answer(wanted)

    @api.fast_path("POST", "/v1/availability")
    async def read_cart(request: Request) -> Call:
        principal = authorized(request.scope, _SCOPE)
        cart = await json_body(request, Cart)
        return lambda response: check_cart(cart, principal)

    @api.get("/v1/availability", name="get_availability", summary="Availability of SKUs")
    async def get_availability(
        principal: Annotated[Principal, require(_SCOPE)], sku: Skus, quantity: Quantity = 1
    ) -> AvailabilityList:
        return await answer(dict.fromkeys(sku, quantity))

    @api.fast_path("GET", "/v1/availability")
    async def read_query(request: Request) -> Call:
        principal = authorized(request.scope, _SCOPE)
        skus = _SKUS.validate_python(request.query_params.getlist("sku"))
        quantity = _QUANTITY.validate_python(request.query_params.get("quantity", 1))
        return lambda response: get_availability(principal, skus, quantity)

    return api
