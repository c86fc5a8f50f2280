"""What endpoints declare as parameters: the application, the caller, the idempotency key, the expected version."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request

from inventory_service.bootstrap import InventoryApplication
from inventory_service.domain.expected_version import ExpectedLineVersion, ExpectedOrderVersion, ExpectedVersion
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import IfMatch, RequiredIfMatch
from service_kit.http.idempotency import idempotency_key


async def _application(request: Request) -> InventoryApplication:
    application: InventoryApplication = request.app.state.application
    return application


Application = Annotated[InventoryApplication, Depends(_application)]
"""The wired application."""

InventoryReader = Annotated[Principal, require("inventory:read")]
InventoryWriter = Annotated[Principal, require("inventory:write")]
PurchasingReader = Annotated[Principal, require("purchasing:read")]
PurchasingWriter = Annotated[Principal, require("purchasing:write")]

IdempotencyKey = Annotated[str, idempotency_key()]

_VERSION_TAG = re.compile(r'"(0|[1-9][0-9]*)"')
# A tag of an order may stand anywhere in the header, and even share a quote with its neighbour.
_ORDER_TAG = re.compile(r'(?="po-(0|[1-9][0-9]*)")')


def order_etag(version: int) -> str:
    """The ETag of a purchase order, which no version of one of its lines has: a change may be based on either."""
    return f'"po-{version}"'


async def expected_version(if_match: IfMatch = None) -> ExpectedVersion | None:
    """The versions that ``If-Match`` names; None without the header."""
    return None if if_match is None else _named_versions(if_match)


async def expected_line_version(if_match: IfMatch = None) -> ExpectedLineVersion | None:
    """The versions of a purchase-order line, or of its order, that ``If-Match`` names; None without the header."""
    return None if if_match is None else _named_line_versions(if_match)


async def required_version(if_match: RequiredIfMatch = None) -> ExpectedVersion | None:
    """As ``expected_version``, where the use case refuses a change without the header."""
    return None if if_match is None else _named_versions(if_match)


async def required_line_version(if_match: RequiredIfMatch = None) -> ExpectedLineVersion | None:
    """As ``expected_line_version``, where the use case refuses a change without the header."""
    return None if if_match is None else _named_line_versions(if_match)


async def expected_order_version(if_match: IfMatch = None) -> ExpectedOrderVersion | None:
    """The versions of a whole purchase order that ``If-Match`` names; None without the header."""
    if if_match is None:
        return None
    versions = frozenset(int(found[1]) for found in _ORDER_TAG.finditer(if_match))
    return ExpectedOrderVersion(versions, any_version="*" in {tag.strip() for tag in if_match.split(",")})


def _named_versions(if_match: str) -> ExpectedVersion:
    # A proxy that compresses turns our tags into weak ones; they still name the same version.
    tags = {tag.strip().removeprefix("W/") for tag in if_match.split(",")}
    versions = frozenset(int(found[1]) for tag in tags if (found := _VERSION_TAG.fullmatch(tag)))
    return ExpectedVersion(versions, any_version="*" in tags)


def _named_line_versions(if_match: str) -> ExpectedLineVersion:
    order_versions = frozenset(int(found[1]) for found in _ORDER_TAG.finditer(if_match))
    return ExpectedLineVersion(_named_versions(if_match), order_versions)


Expected = Annotated[ExpectedVersion | None, Depends(expected_version)]
RequiredVersion = Annotated[ExpectedVersion | None, Depends(required_version)]
ExpectedLine = Annotated[ExpectedLineVersion | None, Depends(expected_line_version)]
RequiredLine = Annotated[ExpectedLineVersion | None, Depends(required_line_version)]
ExpectedOrder = Annotated[ExpectedOrderVersion | None, Depends(expected_order_version)]
