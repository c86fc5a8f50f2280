"""What endpoints declare as parameters: the application, the caller, the idempotency key, the expected version."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request

from inventory_service.bootstrap import InventoryApplication
from inventory_service.domain.expected_version import ExpectedLineVersion, ExpectedOrderVersion, ExpectedVersion
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import IfMatch, RequiredIfMatch, tags
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

# No version has more digits, and Python reads no number of thousands of them.
_NUMBER = "(0|[1-9][0-9]{0,17})"
_VERSION_TAG = re.compile(f'"{_NUMBER}"')
# A tag of an order may stand anywhere in the header, and even share a quote with its neighbour.
_ORDER_TAG = re.compile(f'(?="po-{_NUMBER}")')


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
    any_version = "*" in {tag.strip() for tag in if_match.split(",")}
    return ExpectedOrderVersion(_named_order_versions(if_match), any_version)


def _named_versions(if_match: str) -> ExpectedVersion:
    named = tags(if_match)
    versions = frozenset(int(found[1]) for tag in named if (found := _VERSION_TAG.fullmatch(tag)))
    return ExpectedVersion(versions, any_version="*" in named)


def _named_order_versions(if_match: str) -> frozenset[int]:
    return frozenset(int(found[1]) for found in _ORDER_TAG.finditer(if_match))


def _named_line_versions(if_match: str) -> ExpectedLineVersion:
    return ExpectedLineVersion(_named_versions(if_match), _named_order_versions(if_match))


Expected = Annotated[ExpectedVersion | None, Depends(expected_version)]
RequiredVersion = Annotated[ExpectedVersion | None, Depends(required_version)]
ExpectedLine = Annotated[ExpectedLineVersion | None, Depends(expected_line_version)]
RequiredLine = Annotated[ExpectedLineVersion | None, Depends(required_line_version)]
ExpectedOrder = Annotated[ExpectedOrderVersion | None, Depends(expected_order_version)]
