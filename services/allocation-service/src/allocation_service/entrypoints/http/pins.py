"""Pins: lines that a person fixed and that runs must leave alone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field, StringConstraints

from allocation_service.application.runs.pin_line import PinLine, pin_line, read_pin, unpin_line
from allocation_service.application.runs.run_records import Pin
from allocation_service.entrypoints.http.dependencies import RunReader, RunWriter, UnitsOfWork
from service_kit.commands.execute import execute, read
from service_kit.http.fields import PLAIN_TEXT, TIDY, Name
from service_kit.http.models import RequestModel, ResponseModel

PATH = "/v1/demands/{line_id}/pin"
LineId = Annotated[Name, Path()]

router = APIRouter(tags=["Runs"])


class PinBody(RequestModel):
    """Why runs must leave the line alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Agreed with the customer on the phone"}]})

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=PLAIN_TEXT), TIDY]


class PinView(ResponseModel):
    """A pin."""

    line_id: str
    reason: str
    pinned_by: str = Field(description="Id of the key that set it")
    pinned_at: datetime


@router.put(PATH, name="pin_demand", summary="Keep runs from moving a line")
async def put_pin(line_id: LineId, body: PinBody, principal: RunWriter, units: UnitsOfWork) -> PinView:
    """Decisions about new stock and orders go on as before; only runs leave the line as it is."""
    return _view(await execute(units, pin_line, PinLine(line_id, body.reason, principal.key_id)))


@router.get(PATH, name="get_pin", summary="Who pinned a line, when and why")
async def get_pin(line_id: LineId, principal: RunReader, units: UnitsOfWork) -> PinView:
    return _view(await read(units, read_pin, line_id))


@router.delete(PATH, name="unpin_demand", summary="Let runs move a line again", status_code=204)
async def delete_pin(line_id: LineId, principal: RunWriter, units: UnitsOfWork) -> None:
    await execute(units, unpin_line, line_id)


def _view(pin: Pin) -> PinView:
    return PinView.model_validate(pin._asdict())
