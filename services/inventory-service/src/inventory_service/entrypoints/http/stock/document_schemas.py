"""What the bodies of receipts, counts and adjustments have in common."""

from __future__ import annotations

from pydantic import ConfigDict, JsonValue

MAX_LINES = 5_000
"""The most lines of one document."""


def example(**body: JsonValue) -> ConfigDict:
    """The configuration of a request model whose example in the API document is ``body``."""
    return ConfigDict(json_schema_extra={"examples": [body]})
