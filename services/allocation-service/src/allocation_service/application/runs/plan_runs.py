"""Planning runs: what each would do is worked out from one moment of the database, without locks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import structlog

from allocation_service.application.runs.errors import TooManyDemands
from allocation_service.application.runs.run_inputs import (
    MAX_DEMANDS,
    Digests,
    digest_of,
    digests_of,
    inputs_of,
    moving_skus,
    selected,
)
from allocation_service.application.runs.run_records import Run
from allocation_service.application.session.options import Options
from allocation_service.application.unit_of_work import AllocationUnitOfWork, Units
from allocation_service.domain import protocol_rules
from allocation_service.domain.runs.run import RunSelection, Segment
from allocation_service.domain.runs.run_preview import Preview, preview_run, summary
from allocation_service.domain.runs.run_progress import Progress, ProgressCode
from allocation_service.domain.supply.sku import Sku
from service_kit.commands.execute import execute
from service_kit.persistence.transient_errors import is_data_fault
from service_kit.runtime.garbage_collection import collector_paused

log = structlog.get_logger(__name__)

LEASE_SECONDS = 60.0
"""A run at whose planning nobody has worked for so long is taken over."""


class _Planned(NamedTuple):
    preview: Preview
    digests: dict[str, Digests]
    digest: str
    sums: dict[str, Any]
    rows: Any


class RunPlanner:
    """Plans runs of one process; each step is a transaction of its own, so that progress can be seen.

    A process that dies leaves the run as ``planning``; another takes it over once its lease has run out.
    ``valid`` is how long a preview may be committed; ``now`` is the business time.
    """

    def __init__(
        self, units: Units, options: Options, now: Callable[[], Awaitable[datetime]], valid: timedelta
    ) -> None:
        self._units, self._options, self._now, self._valid = units, options, now, valid
        self._planning: set[asyncio.Task[None]] = set()

    async def plan_soon(self, run_id: str, wait: float) -> None:
        """Begin to plan a run and wait so many seconds for it; it goes on if it takes longer."""
        task = asyncio.create_task(self.plan(run_id))
        self._planning.add(task)
        task.add_done_callback(self._planning.discard)
        await asyncio.wait([task], timeout=wait)

    async def plan(self, run_id: str) -> None:
        """Work out what a run would do and store it; reads one moment of the database and locks nothing."""
        try:
            with collector_paused():
                await self._plan(run_id)
        except TooManyDemands:
            why = Progress(ProgressCode.TOO_MANY_DEMANDS, {"limit": MAX_DEMANDS})
            await execute(self._units, _note_failure, run_id, why)
        except Exception as error:
            if is_data_fault(error):
                log.error("run_cannot_be_planned", run_id=run_id, exc_info=error)
                await execute(self._units, _note_failure, run_id, Progress(ProgressCode.CANNOT_BE_PLANNED, {}))
                return
            # It stays to be planned and is taken up again once its lease has run out.
            log.warning("run_not_planned", run_id=run_id, exc_info=error)

    async def plan_stale(self) -> bool:
        """Take over one run whose planning was interrupted; False where there is none."""
        run_id = await execute(self._units, _take_stale)
        if run_id is not None:
            await self.plan(run_id)
        return run_id is not None

    async def forget_old(self, keep: timedelta) -> None:
        """Delete the oldest run older than ``keep``, with its lines."""
        await execute(self._units, _forget, keep)

    async def _plan(self, run_id: str) -> None:
        now = await self._now()
        async with self._units.reading() as uow:
            run = await uow.runs.read_run(run_id)
            if run is None or run.status != "planning":
                return
            await self._progress(run_id, ProgressCode.READING_DEMAND)
            found = await uow.run_source.candidates(run.segments)
            await self._progress(run_id, ProgressCode.PLANNING_DEMANDS, demands=len(found))
            selection = await uow.run_source.in_thread(partial(selected, found, run.segments))
            skus = await uow.store.peek_skus(moving_skus(selection), now)
            as_of = protocol_rules.decision_time(now, [sku.last_now for sku in skus.values()])
        planned = await asyncio.to_thread(self._work_out, run, skus, selection, as_of, uow.runs.preview_rows)
        await self._progress(run_id, ProgressCode.STORING_LINES, lines=len(planned.rows))
        await execute(self._units, _store, run_id, as_of, self._valid, planned)

    def _work_out(
        self,
        run: Run,
        skus: dict[str, Sku],
        selection: RunSelection,
        as_of: datetime,
        rows_of: Callable[[str, Preview], Any],
    ) -> _Planned:
        segments: tuple[Segment, ...] = run.segments
        inputs = inputs_of(skus, selection, as_of, self._options.grace_days)
        preview = preview_run(inputs.stocks, inputs.outlooks, selection, segments, as_of)
        digests = digests_of(inputs, as_of)
        sums = summary(preview, segments) | {"skus": len(digests)}
        return _Planned(preview, digests, digest_of(digests, segments), sums, rows_of(run.run_id, preview))

    async def _progress(self, run_id: str, code: ProgressCode, **parameters: int) -> None:
        await execute(self._units, _note_progress, run_id, Progress(code, parameters))


async def _note_progress(uow: AllocationUnitOfWork, run_id: str, progress: Progress) -> None:
    await uow.runs.note_progress(run_id, progress)


async def _note_failure(uow: AllocationUnitOfWork, run_id: str, why: Progress) -> None:
    await uow.runs.note_failure(run_id, why)


async def _take_stale(uow: AllocationUnitOfWork) -> str | None:
    return await uow.runs.take_stale(LEASE_SECONDS)


async def _forget(uow: AllocationUnitOfWork, keep: timedelta) -> None:
    await uow.runs.forget_runs(uow.now - keep)


async def _store(uow: AllocationUnitOfWork, run_id: str, as_of: datetime, valid: timedelta, planned: _Planned) -> None:
    await uow.runs.store_preview(
        run_id,
        as_of=as_of,
        expires=uow.now + valid,
        digest=planned.digest,
        summary=planned.sums,
        digests=planned.digests,
        left=planned.preview.plan.left,
        rows=planned.rows,
    )
