"""Runs: a preview of who would gain and lose, and its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from allocation_service.adapters.runs import run_store
from allocation_service.adapters.runs.run_service import RunService
from allocation_service.adapters.views import catalogue_lookup
from allocation_service.domain.runs.run import Segment
from allocation_service.entrypoints.http.run_schemas import (
    RunBody,
    RunDetail,
    RunLineView,
    RunView,
    line_view,
    run_detail,
    run_view,
)
from event_contracts import new_event_id
from service_kit.commands import idempotency
from service_kit.commands.command_batcher import Submitted
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.fields import Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import not_found

RunId = Annotated[Name, Path()]
Writer = Annotated[Principal, require("runs:write")]
Reader = Annotated[Principal, require("runs:read")]
PLAN_SECONDS = 2.0
"""How long a caller waits for the preview; a longer one goes on, and is read later."""


@dataclass(frozen=True, slots=True)
class Runs:
    """What the routes work with."""

    desk: RunService
    wall: Callable[[], datetime]
    rechecks_wanted: asyncio.Event
    tiers: tuple[str, ...]

    async def read(self, run_id: str) -> Any:
        """The stored run; Problem 404."""
        async with self.desk.database.reading() as conn:
            row = await run_store.read_run(conn, run_id)
        if row is None:
            raise not_found("run")
        return row

    async def view(self, run_id: str) -> RunDetail:
        """The run as it is now; Problem 404."""
        row = await self.read(run_id)
        asked = {sku for segment in run_store.segments_of(row) for sku in segment.filter.skus}
        async with self.desk.database.reading() as conn:
            unknown = await catalogue_lookup.unknown_skus(conn, asked)
        return run_detail(row, self.wall(), frozenset(unknown))

    async def create(
        self, name: str, segments: tuple[Segment, ...], claim: idempotency.IdempotencyClaim
    ) -> Submitted[None]:
        """Store a run once for each key. Problems 409 and 422 of idempotency keys."""
        async with self.desk.database.transaction() as conn:
            answer = (await idempotency.claim(conn, [claim]))[0]
            if answer is idempotency.Claimed.IN_FLIGHT:
                raise idempotency.in_flight()
            if isinstance(answer, idempotency.IdempotencyRecord):
                if answer.fingerprint != claim.fingerprint:
                    raise idempotency.key_reused()
                return Submitted(True, answer.resource_id, answer.status, None)
            await run_store.insert_run(conn, claim.resource_id, name, segments, by=claim.principal, at=self.wall())
        return Submitted(False, claim.resource_id, claim.status, None)


def router(runs: Runs) -> APIRouter:
    """The routes of runs."""
    api = APIRouter(tags=["Runs"])
    _add_changes(api, runs)
    _add_reads(api, runs)
    return api


def _add_changes(api: APIRouter, runs: Runs) -> None:
    @api.post("/v1/runs", name="create_run", summary="Preview a run", status_code=201)
    async def create_run(
        body: RunBody, principal: Writer, key: Annotated[str, idempotency_key()], response: Response
    ) -> RunDetail:
        """Works out who would gain and who would lose, and changes nothing. A long one is answered with
        `status: planning`; read it again until it is `previewed`."""
        segments = body.domain(runs.tiers)
        claim = idempotency.IdempotencyClaim(
            principal.key_id, "create_run", key, fingerprint(body), new_event_id(), 201
        )
        submitted = await runs.create(body.name, segments, claim)
        mark_replayed(response, submitted)
        run_id = submitted.resource_id or ""
        if not submitted.replayed:
            await runs.desk.plan_soon(run_id, PLAN_SECONDS)
        response.headers["Location"] = f"/v1/runs/{run_id}"
        return await runs.view(run_id)

    @api.post("/v1/runs/{run_id}/commit", name="commit_run", summary="Do what was previewed")
    async def commit_run(run_id: RunId, principal: Writer) -> RunDetail:
        """All of it in one transaction, if everything the preview went by is as it was; otherwise 409
        `run_inputs_changed` says what changed, nothing is done, and a new run is needed. Committing again
        does nothing and answers with the committed run."""
        if await runs.desk.commit(run_id, principal.key_id):
            runs.rechecks_wanted.set()
        return await runs.view(run_id)


def _add_reads(api: APIRouter, runs: Runs) -> None:
    @api.get("/v1/runs", name="list_runs", summary="Runs, the newest first")
    async def list_runs(principal: Reader, page: PageParams, request: Request, response: Response) -> Page[RunView]:
        after = page.after(str)
        async with runs.desk.database.reading() as conn:
            rows = await run_store.list_runs(conn, after[0] if after else None, page.limit + 1)
        now = runs.wall()
        cursor = encode_cursor(rows[page.limit - 1].run_id) if len(rows) > page.limit else None
        link_header(response, request, cursor)
        return Page(data=[run_view(row, now) for row in rows[: page.limit]], next_cursor=cursor)

    @api.get("/v1/runs/{run_id}", name="get_run", summary="One run, with its sums")
    async def get_run(run_id: RunId, principal: Reader) -> RunDetail:
        return await runs.view(run_id)

    @api.get("/v1/runs/{run_id}/lines", name="list_run_lines", summary="What a run does to each line")
    async def list_run_lines(
        *,
        run_id: RunId,
        principal: Reader,
        page: PageParams,
        request: Request,
        response: Response,
        change: Annotated[run_store.Change | None, Query(description="Only these lines; all without it")] = None,
    ) -> Page[RunLineView]:
        """As they are served; lines that are left alone come last."""
        after = page.after(int)
        row = await runs.read(run_id)
        async with runs.desk.database.reading() as conn:
            rows = await run_store.run_lines(conn, run_id, change, after[0] if after else 0, page.limit + 1)
        segments = run_store.segments_of(row)
        cursor = encode_cursor(rows[page.limit - 1].position) if len(rows) > page.limit else None
        link_header(response, request, cursor)
        return Page(data=[line_view(one, segments) for one in rows[: page.limit]], next_cursor=cursor)
