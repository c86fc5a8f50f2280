"""The types of fields and parameters that inventory's paths share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

# Control characters are in nobody's article numbers; they come from broken exports and break logs and labels.
_PLAIN = r"^[^\x00-\x1f\x7f]+$"

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PLAIN)]
"""An opaque, case-sensitive name given by the caller: SKUs, locations, suppliers, references."""

Title = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PLAIN)]
"""A name for people."""

Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PLAIN)]
"""Why, in the caller's words."""

Units = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
"""A number of units."""


def _text_only(value: Any) -> Any:
    if not isinstance(value, str | datetime):
        raise PydanticCustomError("instant_type", "Input should be a date and time as text, such as RFC 3339 has it")
    return value


def _midnight(value: Any) -> Any:
    if isinstance(value, str) and len(value) == len("2010-12-01"):
        return value + "T00:00:00Z"
    return _text_only(value)


def _in_utc(value: datetime) -> datetime:
    if not 1900 <= value.year <= 2999:
        raise PydanticCustomError("instant_range", "The year should lie between 1900 and 2999")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, BeforeValidator(_text_only), AfterValidator(_in_utc)]
"""A moment with its offset."""

Eta = Annotated[
    AwareDatetime,
    BeforeValidator(_midnight),
    AfterValidator(_in_utc),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}),
]
"""A moment, or a day (its beginning in UTC is meant)."""

SkuPath = Annotated[Name, Path(description="The SKU, percent-encoded", examples=["85123A"])]
LocationPath = Annotated[Name, Path(description="The location", examples=["main"])]
SupplierPath = Annotated[Name, Path(description="The supplier", examples=["acme"])]
DocumentPath = Annotated[Name, Path(description="The id that creating it answered")]

ReferenceQuery = Annotated[Name | None, Query(description="The document with this reference of yours")]
SkuQuery = Annotated[Name | None, Query(description="Only with this SKU")]
LocationQuery = Annotated[Name | None, Query(description="Only at this location")]
