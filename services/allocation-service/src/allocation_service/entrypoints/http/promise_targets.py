"""How many of 100 first dates are to be kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from allocation_service.application.promising.promise_targets import (
    PromiseTarget,
    read_default_target,
    read_sku_target,
    set_default_target,
    set_sku_target,
)
from allocation_service.domain.lateness.quantile_table import LEAST_TARGET, MOST_TARGET
from allocation_service.entrypoints.http.dependencies import PolicyWriter, UnitsOfWork
from service_kit.commands.execute import execute, read
from service_kit.http.fields import Name
from service_kit.http.models import RequestModel, ResponseModel

PATH = "/v1/promise-targets"

router = APIRouter(tags=["Promises"])


class PromiseTargetBody(RequestModel):
    """Of 100 first dates, how many are to be kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"percent": 95}, {"sku": "desk-lamp", "percent": 99}]})

    sku: Name | None = Field(
        default=None, description="Of this SKU alone; left out: of every SKU without one of its own"
    )
    percent: int | None = Field(
        ge=LEAST_TARGET,
        le=MOST_TARGET,
        description="The more, the later the dates. Null: of everything, dates are taken as suppliers announce them; of"
        " a SKU, it follows what holds for all",
    )


class PromiseTargetView(ResponseModel):
    """The target that the next dates are named by."""

    percent: int | None = Field(description="Null: dates are taken as suppliers announce them")
    inherited: bool = Field(description="The SKU has none of its own; that of all is shown")


def _view(found: PromiseTarget) -> PromiseTargetView:
    return PromiseTargetView(percent=found.percent, inherited=not found.own)


@router.get(
    PATH,
    name="get_promise_target",
    summary="How many dates are to be kept",
    responses={404: {"description": "There is no such SKU"}},
)
async def get_target(
    principal: PolicyWriter,
    units: UnitsOfWork,
    sku: Annotated[Name | None, Query(description="Of this SKU; left out: of every SKU without one of its own")] = None,
) -> PromiseTargetView:
    return _view(await (read(units, read_default_target) if sku is None else read(units, read_sku_target, sku)))


@router.put(PATH, name="set_promise_target", summary="Set how many dates are to be kept")
async def put_target(body: PromiseTargetBody, principal: PolicyWriter, units: UnitsOfWork) -> PromiseTargetView:
    """It holds from the next date on; dates that were named stay."""
    if body.sku is None:
        return _view(await execute(units, set_default_target, body.percent))
    return _view(await execute(units, set_sku_target, body.sku, body.percent))
