"""What an answer says beside what it did: nothing was refused, but it may not do what was meant."""

from __future__ import annotations

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.views import catalogue_lookup
from allocation_service.application.policies.policy_choice import Scope, Target
from service_kit.http.models import ResponseModel


class WarningView(ResponseModel):
    """A place of the answer that may not do what was meant, in plain words; keeps nothing from anything."""

    pointer: str = Field(description="JSON Pointer into this answer")
    detail: str


async def warnings_of_unknown(conn: AsyncConnection, target: Target, pointer: str) -> list[WarningView]:
    """What a SKU or category that is not known yet means: it may be announced later, or be misspelt."""
    scope, name = target
    if scope == Scope.SKU and await catalogue_lookup.unknown_skus(conn, [name]):
        words = "This SKU is not known: the policy counts from when inventory tells of it. Is it spelt right?"
    elif scope == Scope.CATEGORY and not await catalogue_lookup.is_category_known(conn, name):
        words = "This category is not known: no SKU is of it now; it counts for those to come. Is it spelt right?"
    else:
        return []
    return [WarningView(pointer=pointer, detail=words)]
