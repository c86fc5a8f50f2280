"""Bases of request and response bodies, and money."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def _unstorable(value: object) -> bool:
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is not None
    if isinstance(value, dict):
        return any(_unstorable(key) or _unstorable(item) for key, item in value.items())
    if isinstance(value, list):
        # Objects in a list are models of their own, which check themselves.
        return any(isinstance(item, str) and _unstorable(item) for item in value)
    return False


class RequestModel(BaseModel):
    """Base of request bodies: an unknown field is an error that names it.

    Text that PostgreSQL cannot store (U+0000, half a surrogate pair) is refused here, with 422, before it could fail
    in the database.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unstorable(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for name, value in data.items():
                if _unstorable(value):
                    raise PydanticCustomError(
                        "unstorable_text", "U+0000 and lone surrogates are not allowed", {"field": str(name)}
                    )
        return data


class ResponseModel(BaseModel):
    """Base of response bodies."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)


class Money(RequestModel):
    """An amount in minor units of its currency: 1999 EUR is 19.99 euro."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 1999, "currency": "EUR"}]})

    amount: int = Field(ge=0, le=1_000_000_000_000, description="Minor units")
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(description="ISO 4217 code")
