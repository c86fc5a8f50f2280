"""The base of every payload: frozen, strict about what it writes, tolerant of what it reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""An opaque, case-sensitive name: SKUs, locations, customers, references. Never parsed."""

Quantity = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""Whole units, never negative."""

Version = Annotated[int, Field(ge=0)]
"""Counts the changes of one locked row; a reader applies a fact only if its version is newer."""

Instant = AwareDatetime
"""A moment with its offset (RFC 3339); written in UTC."""

PLANNED = "planned"
PlannedInstant = Annotated[AwareDatetime, PLANNED]
"""A moment that is planned, such as the arrival of a delivery: it may well lie in the future."""


class Payload(BaseModel):
    """Base of all payloads. Unknown fields are ignored, so that a newer producer can add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")
