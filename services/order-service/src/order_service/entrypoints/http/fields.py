"""Fields that several bodies and parameters share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

# U+0000 fits no PostgreSQL text; bodies are looked at by RequestModel, parameters here.
_PRINTED = r"^[^\x00]+$"

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""An opaque name of the caller's: a reference, a SKU, a location, a customer."""

Units = Annotated[int, Field(strict=True, ge=1, le=1_000_000, description="Whole units")]


def _storable(moment: datetime) -> datetime:
    if not 1900 <= moment.year <= 9000:
        raise ValueError("must lie between the years 1900 and 9000")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_storable)]
"""A moment with its offset (RFC 3339)."""

OrderId = Annotated[str, Path(min_length=1, max_length=100, pattern=_PRINTED, description="The order's id")]
LineId = Annotated[str, Path(min_length=1, max_length=100, pattern=_PRINTED, description="The line's id")]
ShipmentId = Annotated[str, Path(min_length=1, max_length=100, pattern=_PRINTED, description="The shipment's id")]


def name_filter(description: str) -> object:
    """A query parameter that filters by an opaque name."""
    return Query(min_length=1, max_length=100, pattern=_PRINTED, description=description)
