"""How long the preview of a run over very many demands takes, and its commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from tests.bench.allocating import warehouse
from tests.bench.assortment import NOW
from tests.bench.figures import Measured, Row, at_most
from tests.bench.ground import Ground
from tests.bench.registry import REGISTRY

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.runs.commit_previewed_run import CommitRun, commit_previewed_run
from allocation_service.application.runs.plan_runs import RunPlanner
from allocation_service.application.runs.request_runs import RequestRun, request_runs
from allocation_service.application.session.options import Options
from allocation_service.domain.policies.policy import Sort
from allocation_service.domain.runs.run import Filter, Segment, Strategy
from allocation_service.wording.reason_words import published_words
from event_contracts import new_event_id
from service_kit.commands.execute import execute
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory

LINES = 100_000
ROUNDS = 3
_OVER = (
    "a run over 100,000 lines of one SKU, half of which hold stock: a quarter gives all of it to another,"
    " 50,000 lines change; {}"
)

# Line n joined the queue n seconds ago, the oldest half is served: the oldest quarter loses.
_SEGMENTS = (
    Segment("oldest", Strategy.LOSE, Filter(waiting_before=NOW - timedelta(seconds=3 * LINES / 4))),
    Segment("rest", Strategy.REDISTRIBUTE, sort=Sort.EARLIEST_DUE),
)


@REGISTRY.measures(
    Row("run-preview-100k", _OVER.format("from the stored run to its stored preview"), "s", at_most(5, of="value")),
    Row("run-commit-100k", _OVER.format("inputs compared, moved, decided and told in one transaction"), "s"),
    Row("run-preview-stall", _OVER.format("the longest the event loop stood still during the preview"), "ms"),
)
async def run(ground: Ground) -> Mapping[str, Measured]:
    """Every round on a queue of its own."""
    preview, commit, stall = Measured(), Measured(), Measured()
    async with warehouse(ground) as house:
        for number in range(ROUNDS):
            sku = f"run-{number}"
            await house.queue(sku, LINES)
            await house.handle(house.received(sku, LINES))
            await house.told()
            await house.tidy()
            units = SqlUnitOfWorkFactory(house.database, SqlAllocationUnitOfWork)
            planner = RunPlanner(units, Options(published_words), _now, timedelta(hours=1))
            run_id = await _stored(units, sku)
            began, busy = time.perf_counter(), time.process_time()
            async with _stalls() as stalls:
                await planner.plan(run_id)
            preview.add(time.perf_counter() - began)
            preview.note = f"of which this process was busy {time.process_time() - busy:.1f} s in the last round"
            stall.add(1000 * max(stalls))
            began = time.perf_counter()
            await execute(units, commit_previewed_run, CommitRun(run_id, "bench", NOW), Options(published_words))
            commit.add(time.perf_counter() - began)
            if (told := await house.told()) != LINES // 2:
                raise RuntimeError(f"{LINES // 2} lines were to change, but {told} events stand in the outbox")
    return {"run-preview-100k": preview, "run-commit-100k": commit, "run-preview-stall": stall}


async def _stored(units: SqlUnitOfWorkFactory[SqlAllocationUnitOfWork], sku: str) -> str:
    run_id = new_event_id()
    segments = [one._replace(filter=one.filter._replace(skus=(sku,))) for one in _SEGMENTS]
    await execute(units, request_runs, [RequestRun(run_id, "bench", tuple(segments), "bench")])
    return run_id


async def _now() -> datetime:
    return NOW


def _wall() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def _stalls() -> AsyncIterator[list[float]]:
    """How much later than asked for the event loop woke a sleeper, each time, in seconds."""
    late = [0.0]

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            late.append(time.perf_counter() - before - 0.005)

    watcher = asyncio.create_task(watch())
    try:
        yield late
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
