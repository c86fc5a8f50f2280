"""What an answer says beside what it did: nothing was refused, but it may not do what was meant."""

from __future__ import annotations

from pydantic import Field

from allocation_service.application.policies.assign_policy import UnknownTarget
from service_kit.http.models import ResponseModel


class WarningView(ResponseModel):
    """A place of the answer that may not do what was meant, in plain words; keeps nothing from anything."""

    pointer: str = Field(description="JSON Pointer into this answer")
    detail: str


_UNKNOWN = {
    UnknownTarget.SKU: "This SKU is not known: the policy counts from when inventory tells of it. Is it spelt right?",
    UnknownTarget.CATEGORY: "This category is not known: no SKU is of it now; it counts for those to come."
    " Is it spelt right?",
}


def warnings_of_unknown(unknown: UnknownTarget | None, pointer: str) -> list[WarningView]:
    """What a SKU or category that is not known yet means: it may be announced later, or be misspelt."""
    return [WarningView(pointer=pointer, detail=_UNKNOWN[unknown])] if unknown is not None else []
