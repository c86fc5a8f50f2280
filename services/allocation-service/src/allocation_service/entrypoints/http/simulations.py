"""Simulations: policies side by side on the same orders and the same supply."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from allocation_service.application.simulations.request_simulations import (
    RequestSimulation,
    list_simulations,
    read_simulation,
)
from allocation_service.application.simulations.simulation_records import Simulation
from allocation_service.entrypoints.http.dependencies import Application, SimulationRunner, UnitsOfWork
from allocation_service.entrypoints.http.warning_schemas import WarningView
from allocation_service.simulation.request import (
    LARGEST,
    Asked,
    PolicyName,
    ScenarioName,
    document_of,
    faults_of,
    warnings_of,
)
from allocation_service.simulation.setting import Size
from event_contracts import new_event_id
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.commands.execute import read
from service_kit.http.fields import Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import FieldError, unprocessable
from service_kit.http.responses import set_location

SimulationId = Annotated[Name, Path()]

router = APIRouter(tags=["Simulations"])


class NewSimulation(RequestModel):
    """What to simulate. First come (``fifo``) is always among the policies: the others are measured against it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"policies": ["priority", "odoo"], "seeds": 4}]})

    policies: list[PolicyName] = Field(
        default_factory=lambda: list(PolicyName),
        min_length=1,
        max_length=20,
        description="The service's own by name, and the sort keys of Odoo, OFBiz and Spree as baselines",
    )
    documents: dict[Annotated[str, StringConstraints(pattern=r"^[\w.+-]{1,50}$")], dict[str, Any]] = Field(
        default_factory=dict,
        max_length=5,
        description="Policies of your own by name, as allocation policies are written; without tiers they have"
        " gold, silver and bronze",
    )
    scenarios: list[ScenarioName] = Field(
        default_factory=lambda: list(ScenarioName), min_length=1, max_length=2, description="How short supply is"
    )
    patience_from: Literal["due", "order"] = Field(
        default="due",
        description="When a customer's patience begins to run: when the line is due, or when it is placed",
    )
    seeds: int = Field(default=Size().seeds, ge=1, le=200, description="Worlds of each scenario")
    first_seed: int = Field(default=Size().first_seed, ge=0, le=2**31, description="The others follow it")
    skus: int = Field(default=Size().skus, ge=1, le=100, description="SKUs of a world")
    days: int = Field(default=Size().days, ge=28, le=365, description="Length of a world")

    def asked(self) -> Asked:
        """The simulation in plain terms. Problem 422 where it is too large as a whole, or a policy is none."""
        asked = Asked(
            tuple(dict.fromkeys(name.value for name in self.policies)),
            tuple(dict.fromkeys(name.value for name in self.scenarios)),
            self.patience_from == "due",
            Size(self.seeds, self.skus, self.days, self.first_seed),
            self.documents,
        )
        faults = faults_of(self.documents)
        if faults:
            raise unprocessable([FieldError(f"/documents{fault.pointer}", fault.detail) for fault in faults])
        if asked.sku_days > LARGEST:
            words = f"seeds x skus x days x scenarios must not be above {LARGEST:,}; ask for fewer seeds or SKUs."
            raise unprocessable([FieldError("/seeds", words)])
        return asked


class FigureView(ResponseModel):
    """One figure of a policy with its 95 % confidence interval over seeds."""

    scenario: str
    policy: str
    figure: str
    value: float
    ci_low: float
    ci_high: float
    goal: str | None
    met: bool | None = Field(description="Whether the mean reaches the goal; null where the policy has none")
    tier: str | None = Field(default=None, description="Whose it is, where each tier has a figure (`fill_by_tier`)")


class ProgressView(ResponseModel):
    """How far it is."""

    worlds_done: int
    worlds: int


class SimulationView(ResponseModel):
    """A simulation, how far it is, and its figures once it is done."""

    simulation_id: str
    status: Literal["queued", "running", "done", "failed"]
    progress: ProgressView
    request: Mapping[str, Any]
    warnings: list[WarningView] = Field(description="Where a policy of your own may not be taken as it was meant")
    rows: list[FigureView] | None = Field(description="Null until it is done")
    error: str | None = Field(description="Why it failed")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def _view(one: Simulation, *, with_rows: bool = True) -> SimulationView:
    rows = [FigureView(**row) for row in one.rows] if one.rows is not None and with_rows else None
    return SimulationView(
        simulation_id=one.simulation_id,
        status=one.status,
        progress=ProgressView(worlds_done=one.worlds_done, worlds=one.worlds),
        request=one.request,
        warnings=[
            WarningView(pointer=f"/request/documents{fault.pointer}", detail=fault.detail)
            for fault in warnings_of(one.request.get("documents", {}))
        ],
        rows=rows,
        error=one.error,
        created_at=one.created_at,
        started_at=one.started_at,
        finished_at=one.finished_at,
    )


@router.post("/v1/simulations", name="create_simulation", summary="Compare policies", status_code=202)
async def create_simulation(
    *,
    principal: SimulationRunner,
    body: NewSimulation,
    response: Response,
    key: Annotated[str, idempotency_key()],
    application: Application,
) -> SimulationView:
    """Runs in the background, in a process of its own; look at `Location` until it is done or has failed."""
    asked = body.asked()
    command = RequestSimulation(new_event_id(), document_of(asked), asked.worlds)
    claim = IdempotencyClaim(
        principal.key_id, "create_simulation", key, fingerprint(body), command.simulation_id, status=202
    )
    submitted = await application.simulation_requests.submit(command, claim)
    application.simulation_wanted.set()
    mark_replayed(response, submitted)
    simulation_id = submitted.resource_id or command.simulation_id
    set_location(response.headers, "simulations", simulation_id)
    return _view(await read(application.units, read_simulation, simulation_id))


@router.get("/v1/simulations", name="list_simulations", summary="Simulations, the newest first")
async def get_simulations(
    *, principal: SimulationRunner, page: PageParams, request: Request, response: Response, units: UnitsOfWork
) -> Page[SimulationView]:
    """Without their figures."""
    after = page.after(str)
    found = await read(units, list_simulations, after[0] if after else None, page.limit + 1)
    shown = found[: page.limit]
    cursor = encode_cursor(shown[-1].simulation_id) if len(found) > page.limit else None
    link_header(response, request, cursor)
    return Page(data=[_view(one, with_rows=False) for one in shown], next_cursor=cursor)


@router.get("/v1/simulations/{simulation_id}", name="get_simulation", summary="Progress and figures")
async def get_simulation(
    principal: SimulationRunner, simulation_id: SimulationId, units: UnitsOfWork
) -> SimulationView:
    return _view(await read(units, read_simulation, simulation_id))
