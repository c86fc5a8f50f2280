"""Runs as they are shown."""

from __future__ import annotations

from typing import NamedTuple

from allocation_service.application.runs.errors import RunNotFound
from allocation_service.application.runs.run_records import LineChange, Run, RunLine
from allocation_service.application.unit_of_work import AllocationUnitOfWork


class ShownRun(NamedTuple):
    """A run, and the SKUs it asks for that inventory has not announced."""

    run: Run
    unknown_skus: frozenset[str]


async def read_run(uow: AllocationUnitOfWork, run_id: str) -> ShownRun:
    """One run. Raises RunNotFound."""
    run = await _find(uow, run_id)
    asked = {sku for segment in run.segments for sku in segment.filter.skus}
    return ShownRun(run, frozenset(await uow.catalogue.unknown_skus(asked)))


async def list_runs(uow: AllocationUnitOfWork, before: str | None, limit: int) -> list[Run]:
    """Runs, the newest first; ``before`` is the last one of the page before."""
    return await uow.runs.list_runs(before, limit)


async def read_run_lines(
    uow: AllocationUnitOfWork, run_id: str, change: LineChange | None, after: int, limit: int
) -> tuple[Run, list[RunLine]]:
    """A run and the next of its lines behind the position ``after``. Raises RunNotFound."""
    return await _find(uow, run_id), await uow.runs.run_lines(run_id, change, after, limit)


async def _find(uow: AllocationUnitOfWork, run_id: str) -> Run:
    run = await uow.runs.read_run(run_id)
    if run is None:
        raise RunNotFound
    return run
