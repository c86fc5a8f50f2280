"""Fields that several bodies and parameters share."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

# U+0000 fits no PostgreSQL text; bodies are looked at by RequestModel, parameters here.
_PRINTED = r"^[^\x00]+$"

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""An opaque name of the caller's: a reference, a SKU, a location, a customer."""


def _number(value: object) -> object:
    """JSON knows 2 and 2.0 as the same integer; a string or a truth value is none."""
    if isinstance(value, str | bool):
        raise ValueError("must be a whole number")
    return value


WHOLE_ONLY = BeforeValidator(_number)
"""Makes an ``int`` a JSON integer. It stands after the bounds, which the API's document would not know otherwise."""

Units = Annotated[int, Field(ge=1, le=1_000_000, description="Whole units"), WHOLE_ONLY]


def _storable(moment: datetime) -> datetime:
    if not 1900 <= moment.year <= 9000:
        raise ValueError("must lie between the years 1900 and 9000")
    return moment.astimezone(UTC)


def _written_as(pattern: str, words: str) -> BeforeValidator:
    """Numbers, and texts that look like numbers, would be taken for seconds since 1970."""

    def check(value: object) -> object:
        if not isinstance(value, str) or not re.match(pattern, value):
            raise ValueError(words)
        return value

    return BeforeValidator(check)


Moment = Annotated[
    AwareDatetime,
    _written_as(r"^\d{4}-\d\d-\d\d[Tt ]", "must be a date and time as in 2026-05-04T10:00:00Z"),
    AfterValidator(_storable),
]
"""A moment with its offset (RFC 3339)."""

Day = Annotated[date, _written_as(r"^\d{4}-\d\d-\d\d$", "must be a date as in 2026-05-04")]
"""A calendar day (RFC 3339 full-date)."""

OrderId = Annotated[str, Path(min_length=1, max_length=100, pattern=_PRINTED, description="The order's id")]
LineId = Annotated[str, Path(min_length=1, max_length=100, pattern=_PRINTED, description="The line's id")]
ShipmentId = Annotated[str, Path(min_length=1, max_length=100, pattern=_PRINTED, description="The shipment's id")]


def name_filter(description: str) -> object:
    """A query parameter that filters by an opaque name."""
    return Query(min_length=1, max_length=100, pattern=_PRINTED, description=description)
