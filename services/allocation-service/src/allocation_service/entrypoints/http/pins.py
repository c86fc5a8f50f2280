"""Pins: lines that a person fixed and that runs must leave alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field, StringConstraints

from allocation_service.adapters.runs import run_store
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.fields import Name
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.http.problems import not_found
from service_kit.persistence.database import Database

PATH = "/v1/demands/{line_id}/pin"
LineId = Annotated[Name, Path()]
Writer = Annotated[Principal, require("runs:write")]
Reader = Annotated[Principal, require("runs:read")]


class PinBody(RequestModel):
    """Why runs must leave the line alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Agreed with the customer on the phone"}]})

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class PinView(ResponseModel):
    """A pin."""

    line_id: str
    reason: str
    pinned_by: str = Field(description="Id of the key that set it")
    pinned_at: datetime


def _view(row: Any) -> PinView:
    return PinView.model_validate(dict(row._mapping))


def router(database: Database, now: Callable[[], datetime]) -> APIRouter:
    """The routes of pins."""
    api = APIRouter(tags=["Runs"])

    @api.put(PATH, name="pin_demand", summary="Keep runs from moving a line")
    async def pin_demand(line_id: LineId, body: PinBody, principal: Writer) -> PinView:
        """Decisions about new stock and orders go on as before; only runs leave the line as it is."""
        async with database.transaction() as conn:
            row = await run_store.pin(conn, line_id, body.reason, principal.key_id, now())
        if row is None:
            raise not_found("order line")
        return _view(row)

    @api.get(PATH, name="get_pin", summary="Who pinned a line, when and why")
    async def get_pin(line_id: LineId, principal: Reader) -> PinView:
        async with database.reading() as conn:
            row = await run_store.read_pin(conn, line_id)
        if row is None:
            raise not_found("pin")
        return _view(row)

    @api.delete(PATH, name="unpin_demand", summary="Let runs move a line again", status_code=204)
    async def unpin_demand(line_id: LineId, principal: Writer) -> None:
        async with database.transaction() as conn:
            if not await run_store.unpin(conn, line_id):
                raise not_found("pin")

    return api
