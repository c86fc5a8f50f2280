"""What endpoints depend on: the application, the caller, and the versions that a change may be made on."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from order_service.application.queries import Visibility
from order_service.bootstrap import OrderApplication
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import Binding, require
from service_kit.http.conditional import IfMatch as IfMatchHeader
from service_kit.http.conditional import RequiredIfMatch as RequiredIfMatchHeader
from service_kit.http.conditional import named_versions
from service_kit.http.problems import precondition_required

BOUND = (Binding.CUSTOMER,)
"""Routes that reach a bound key's own orders only, by `visible_to` or a command's ``customer_id``."""

Caller = Annotated[Principal, require("orders:read", bound=(Binding.CUSTOMER, Binding.ORDER))]
"""May read orders: a key, or a tracking link for its one order."""


async def application_of(request: Request) -> OrderApplication:
    """The application that the request's service runs on."""
    application: OrderApplication = request.app.state.application
    return application


Application = Annotated[OrderApplication, Depends(application_of)]


Reader = Annotated[Principal, require("orders:read", bound=BOUND)]
"""May read orders with a key; tracking links are refused."""

Writer = Annotated[Principal, require("orders:write", bound=BOUND)]
"""May place and change orders."""

NoticeWriter = Annotated[Principal, require("orders:write")]
"""May record notices: what counts as told is the shop's word, so no customer's key may."""

Shipper = Annotated[Principal, require("shipments:write")]
"""May report shipments: what leaves changes stock, so no customer's key may."""

PaymentReporter = Annotated[Principal, require("payments:write")]
"""May say what became of money: the merchant's own system."""

ShipmentReader = Annotated[Principal, require("shipments:read", bound=BOUND)]
"""May see shipments and what can ship."""


def visible_to(principal: Principal) -> Visibility:
    """The orders that the caller's key or link may see."""
    return Visibility(customer_id=principal.customer_id, order_id=principal.order_id)


async def _versions(if_match: IfMatchHeader = None) -> frozenset[int] | None:
    return None if if_match is None else named_versions(if_match)


async def _required_versions(if_match: RequiredIfMatchHeader = None) -> frozenset[int] | None:
    if if_match is None:
        raise precondition_required()
    return named_versions(if_match)


IfMatch = Annotated[frozenset[int] | None, Depends(_versions)]
"""Versions that the change may be made on; None: any."""

RequiredIfMatch = Annotated[frozenset[int] | None, Depends(_required_versions)]
"""As IfMatch, but 428 without the header."""
