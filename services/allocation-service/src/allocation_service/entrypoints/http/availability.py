"""Availability for product pages and carts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field, TypeAdapter

from allocation_service.application.promising.read_availability import read_availability
from allocation_service.bootstrap import AllocationApplication
from allocation_service.domain.supply.availability import Availability, State
from allocation_service.entrypoints.http.dependencies import Application, application_of
from service_kit.commands.execute import read
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import Binding, authorized, require
from service_kit.http.fast_path import Call, HotRouter, json_body
from service_kit.http.fields import Name, Units
from service_kit.http.models import RequestModel, ResponseModel

Skus = Annotated[list[Name], Query(min_length=1, max_length=100, description="Give it once for each SKU")]
Quantity = Annotated[int, Query(ge=1, le=1_000_000, description="How many of each")]

_SCOPE = "availability:read"
_BOUND = (Binding.CUSTOMER,)
"""Nothing here is about a customer, so a customer's key may look."""
_Reader = Annotated[Principal, require(_SCOPE, bound=_BOUND)]
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

    sku: Name
    quantity: Units


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
    confidence_percent: int | None = Field(
        description="A lower bound of the probability that the units are there by then; null for what is there, and"
        " where dates are taken as suppliers announce them"
    )
    ship_by: date | None = Field(
        description="When this quantity would leave, handling included, in the days of the location that takes longest;"
        " null where no location states how long handling takes"
    )
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
        confidence_percent=found.confidence,
        ship_by=found.ship_by,
        as_of=now,
        schema_org=offer,
    )


router = HotRouter(tags=["Availability"])


@router.post("/v1/availability", name="check_cart", summary="Availability of a cart")
async def check_cart(cart: Cart, principal: _Reader, application: Application) -> AvailabilityList:
    wanted: dict[str, int] = {}
    for line in cart.lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    return await _availability(application, wanted)


@router.fast_path("POST", "/v1/availability")
async def _read_cart(request: Request) -> Call:
    principal = authorized(request.scope, _SCOPE, bound=_BOUND)
    cart = await json_body(request, Cart)
    application = await application_of(request)
    return lambda response: check_cart(cart, principal, application)


@router.get("/v1/availability", name="get_availability", summary="Availability of SKUs")
async def get_availability(
    principal: _Reader, sku: Skus, application: Application, quantity: Quantity = 1
) -> AvailabilityList:
    return await _availability(application, dict.fromkeys(sku, quantity))


@router.fast_path("GET", "/v1/availability")
async def _read_skus(request: Request) -> Call:
    principal = authorized(request.scope, _SCOPE, bound=_BOUND)
    skus = _SKUS.validate_python(request.query_params.getlist("sku"))
    quantity = _QUANTITY.validate_python(request.query_params.get("quantity", 1))
    application = await application_of(request)
    return lambda response: get_availability(principal, skus, application, quantity)


async def _availability(application: AllocationApplication, wanted: Mapping[str, int]) -> AvailabilityList:
    now = await application.now()
    found = await read(application.units, read_availability, wanted, now, application.options.grace_days)
    return AvailabilityList(data=[_view(one, wanted[one.sku], now) for one in found])
