"""Runs: a preview of who would gain and lose, and its commit."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from allocation_service.application.runs.commit_previewed_run import CommitRun, commit_previewed_run
from allocation_service.application.runs.read_runs import list_runs, read_run, read_run_lines
from allocation_service.application.runs.request_runs import RequestRun
from allocation_service.application.runs.run_records import LineChange
from allocation_service.entrypoints.http.dependencies import (
    Application,
    BusinessNow,
    RunReader,
    RunWriter,
    UnitsOfWork,
)
from allocation_service.entrypoints.http.language import Language
from allocation_service.entrypoints.http.run_schemas import (
    RunBody,
    RunDetail,
    RunLineView,
    RunView,
    line_view,
    run_detail,
    run_view,
)
from allocation_service.wording.catalogue import Catalogue
from event_contracts import new_event_id
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.commands.execute import execute, read
from service_kit.http.fields import Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.responses import set_location

RunId = Annotated[Name, Path()]
PLAN_SECONDS = 2.0
"""How long a caller waits for the preview; a longer one goes on, and is read later."""

router = APIRouter(tags=["Runs"])


@router.post("/v1/runs", name="create_run", summary="Preview a run", status_code=201)
async def create_run(
    *,
    body: RunBody,
    principal: RunWriter,
    key: Annotated[str, idempotency_key()],
    response: Response,
    application: Application,
    language: Language,
) -> RunDetail:
    """Works out who would gain and who would lose, and changes nothing. A long one is answered with
    `status: planning`; read it again until it is `previewed`."""
    segments = body.domain(application.settings.tiers)
    command = RequestRun(new_event_id(), body.name, segments, principal.key_id)
    claim = IdempotencyClaim(principal.key_id, "create_run", key, fingerprint(body), command.run_id)
    submitted = await application.run_requests.submit(command, claim)
    mark_replayed(response, submitted)
    run_id = submitted.resource_id or command.run_id
    if not submitted.replayed:
        await application.run_planner.plan_soon(run_id, PLAN_SECONDS)
    set_location(response.headers, "runs", run_id)
    return await _detail(application, run_id, language)


@router.post("/v1/runs/{run_id}/commit", name="commit_run", summary="Do what was previewed")
async def commit_run(
    run_id: RunId, principal: RunWriter, application: Application, now: BusinessNow, language: Language
) -> RunDetail:
    """All of it in one transaction, if everything the preview went by is as it was; otherwise 409
    `run_inputs_changed` says what changed, nothing is done, and a new run is needed. Committing again
    does nothing and answers with the committed run."""
    command = CommitRun(run_id, principal.key_id, now)
    refused = await execute(application.units, commit_previewed_run, command, application.options)
    if refused is not None:
        raise refused
    return await _detail(application, run_id, language)


@router.get("/v1/runs", name="list_runs", summary="Runs, the newest first")
async def get_runs(
    *,
    principal: RunReader,
    page: PageParams,
    request: Request,
    response: Response,
    application: Application,
    language: Language,
) -> Page[RunView]:
    after = page.after(str)
    found = await read(application.units, list_runs, after[0] if after else None, page.limit + 1)
    now = application.clock.now()
    cursor = encode_cursor(found[page.limit - 1].run_id) if len(found) > page.limit else None
    link_header(response, request, cursor)
    return Page(data=[run_view(run, now, language) for run in found[: page.limit]], next_cursor=cursor)


@router.get("/v1/runs/{run_id}", name="get_run", summary="One run, with its sums")
async def get_run(run_id: RunId, principal: RunReader, application: Application, language: Language) -> RunDetail:
    return await _detail(application, run_id, language)


@router.get("/v1/runs/{run_id}/lines", name="list_run_lines", summary="What a run does to each line")
async def list_run_lines(
    *,
    run_id: RunId,
    principal: RunReader,
    page: PageParams,
    request: Request,
    response: Response,
    units: UnitsOfWork,
    language: Language,
    change: Annotated[LineChange | None, Query(description="Only these lines; all without it")] = None,
) -> Page[RunLineView]:
    """As they are served; lines that are left alone come last."""
    after = page.after(int)
    run, lines = await read(units, read_run_lines, run_id, change, after[0] if after else 0, page.limit + 1)
    cursor = encode_cursor(lines[page.limit - 1].position) if len(lines) > page.limit else None
    link_header(response, request, cursor)
    return Page(data=[line_view(one, run.segments, language) for one in lines[: page.limit]], next_cursor=cursor)


async def _detail(application: Application, run_id: str, language: Catalogue) -> RunDetail:
    return run_detail(await read(application.units, read_run, run_id), application.clock.now(), language)
