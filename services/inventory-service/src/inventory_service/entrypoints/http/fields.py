"""Fields and parameters that inventory's paths share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BeforeValidator, WithJsonSchema

from service_kit.http.fields import Instant, Name, Title

Reason = Title
"""Why, in the caller's words."""


def _midnight(value: Any) -> Any:
    if isinstance(value, str) and len(value) == len("2010-12-01"):
        return value + "T00:00:00Z"
    return value


Eta = Annotated[
    Instant,
    BeforeValidator(_midnight),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}),
]
"""An instant, or a day, which stands for its beginning in UTC."""

SkuPath = Annotated[Name, Path(description="The SKU, percent-encoded", examples=["85123A"])]
LocationPath = Annotated[Name, Path(description="The location", examples=["main"])]
SupplierPath = Annotated[Name, Path(description="The supplier", examples=["acme"])]
DocumentPath = Annotated[Name, Path(description="The id that creating it answered")]

ReferenceQuery = Annotated[Name | None, Query(description="The document with this reference of yours")]
SkuQuery = Annotated[Name | None, Query(description="Only with this SKU")]
LocationQuery = Annotated[Name | None, Query(description="Only at this location")]
