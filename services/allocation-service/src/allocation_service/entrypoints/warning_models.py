"""What an answer says beside what it did: nothing was refused, but it may not do what was meant."""

from __future__ import annotations

from pydantic import Field

from service_kit.http import ResponseModel


class WarningView(ResponseModel):
    """A place of the answer that may not do what was meant, in plain words; keeps nothing from anything."""

    pointer: str = Field(description="JSON Pointer into this answer")
    detail: str
