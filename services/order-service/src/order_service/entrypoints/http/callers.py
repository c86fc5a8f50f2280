"""Who calls, what they may see, and the parts their request is served with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from order_service.adapters.sql_queries import Bounds
from order_service.bootstrap import Wiring
from service_kit.hosting.service import Service
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import IfMatch as IfMatchHeader
from service_kit.http.conditional import RequiredIfMatch as RequiredIfMatchHeader
from service_kit.http.problems import forbidden, precondition_required

Caller = Annotated[Principal, require("orders:read")]
"""May read orders: a key, or a tracking link for its one order."""


@dataclass
class OrderService(Service):
    """The service with the parts its endpoints use."""

    wiring: Wiring = field(kw_only=True)


async def wiring_of(request: Request) -> Wiring:
    """The parts that the request's application was built with."""
    service: OrderService = request.app.state.service
    return service.wiring


Wired = Annotated[Wiring, Depends(wiring_of)]


async def _reader(principal: Caller) -> Principal:
    if principal.order_id is not None:
        raise forbidden("tracking_link", "A tracking link opens its order and that order's events only.")
    return principal


Reader = Annotated[Principal, Depends(_reader)]
"""May read orders by a key."""

Writer = Annotated[Principal, require("orders:write")]
"""May place and change orders."""

Shipper = Annotated[Principal, require("shipments:write")]
"""May report shipments."""

ShipmentReader = Annotated[Principal, require("shipments:read")]
"""May see shipments and what can ship."""


def bounds_of(principal: Principal) -> Bounds:
    """What the caller's key or link is bound to; for the SQL's WHERE."""
    return Bounds(customer_id=principal.customer_id, order_id=principal.order_id)


async def _versions(if_match: IfMatchHeader = None) -> frozenset[int] | None:
    if if_match is None:
        return None
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(",")}
    # A tag that is none of ours names no version: the change is refused as outdated.
    return (
        None
        if "*" in tags
        else frozenset(int(tag) for tag in tags if tag.isascii() and tag.isdigit() and len(tag) < 19)
    )


async def _required_versions(if_match: RequiredIfMatchHeader = None) -> frozenset[int] | None:
    if if_match is None:
        raise precondition_required()
    return await _versions(if_match)


IfMatch = Annotated[frozenset[int] | None, Depends(_versions)]
"""Versions that the change may be made on; None: any."""

RequiredIfMatch = Annotated[frozenset[int] | None, Depends(_required_versions)]
"""As IfMatch, but 428 without the header."""
