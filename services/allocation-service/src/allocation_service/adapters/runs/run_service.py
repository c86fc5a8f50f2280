"""Planning and committing runs: the transactions around them, and the threads that keep the event loop free."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import structlog

from allocation_service.adapters.lending import loan_metrics
from allocation_service.adapters.runs import run_store
from allocation_service.adapters.runs.run_reads import MAX_DEMANDS, RunReads, TooManyDemands
from allocation_service.adapters.store.session_reads import peek_skus
from allocation_service.adapters.store.sql_allocation_store import SqlAllocationStore
from allocation_service.application.runs.commit_run import SHOWN_CHANGES, Busy, Changed, changed_lines, commit_run
from allocation_service.application.runs.run_inputs import (
    Digests,
    digest_of,
    digests_of,
    inputs_of,
    moving_skus,
    selected,
)
from allocation_service.application.session.handle_events import Options
from allocation_service.domain import protocol_rules
from allocation_service.domain.runs.run import RunDemand, RunSelection, Segment
from allocation_service.domain.runs.run_preview import Preview, preview_run, summary
from allocation_service.domain.supply.sku import Sku
from service_kit.http.problems import conflict, not_found
from service_kit.persistence.database import Database
from service_kit.runtime.garbage_collection import collector_paused

log = structlog.get_logger(__name__)

Now = Callable[[], Awaitable[datetime]]

LEASE_SECONDS = 60.0
"""A run at whose planning nobody has worked for so long is taken over."""


class _Planned(NamedTuple):
    preview: Preview
    digests: dict[str, Digests]
    digest: str
    sums: dict[str, Any]
    rows: list[tuple[Any, ...]]


class RunService:
    """Where runs are planned and committed."""

    def __init__(
        self, database: Database, options: Options, now: Now, wall: Callable[[], datetime], valid: timedelta
    ) -> None:
        self.database, self._options, self._now, self._wall, self._valid = database, options, now, wall, valid
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
            why = f"More than {MAX_DEMANDS:,} demands: have every segment name SKUs, or orders."
            async with self.database.transaction() as conn:
                await run_store.note_failure(conn, run_id, why)
        except Exception as error:
            # It stays to be planned and is taken up again once its lease has run out.
            log.warning("run_not_planned", run_id=run_id, exc_info=error)

    async def plan_stale(self) -> bool:
        """Take over one run whose planning was interrupted; False where there is none."""
        async with self.database.transaction() as conn:
            run_id = await run_store.take_stale(conn, LEASE_SECONDS)
        if run_id is not None:
            await self.plan(run_id)
        return run_id is not None

    async def _plan(self, run_id: str) -> None:
        now = await self._now()
        async with self.database.reading() as conn:
            source = RunReads(conn)
            row = await run_store.read_run(conn, run_id)
            if row is None or row.status != "planning":
                return
            segments = run_store.segments_of(row)
            await self._progress(run_id, "reading the demand")
            found = await source.candidates(segments)
            await self._progress(run_id, f"planning {len(found)} demands")
            selection = await source.in_thread(partial(selected, found, segments))
            skus = await peek_skus(conn, moving_skus(selection), now)
        as_of = protocol_rules.decision_time(now, [sku.last_now for sku in skus.values()])
        planned = await asyncio.to_thread(self._work_out, run_id, skus, selection, segments, as_of)
        await self._progress(run_id, f"storing {len(planned.rows)} lines")
        async with self.database.transaction() as conn:
            await run_store.store_preview(
                conn,
                run_id,
                as_of=as_of,
                expires=self._wall() + self._valid,
                digest=planned.digest,
                summary=planned.sums,
                digests=planned.digests,
                left=planned.preview.plan.left,
                rows=planned.rows,
            )

    def _work_out(
        self, run_id: str, skus: dict[str, Sku], selection: RunSelection, segments: tuple[Segment, ...], as_of: datetime
    ) -> _Planned:
        inputs = inputs_of(skus, selection, as_of, self._options.grace_days)
        preview = preview_run(inputs.stocks, inputs.outlooks, selection, segments, as_of)
        digests = digests_of(inputs, as_of)
        sums = summary(preview, segments) | {"skus": len(digests)}
        return _Planned(preview, digests, digest_of(digests, segments), sums, run_store.rows_of(run_id, preview))

    async def _progress(self, run_id: str, words: str) -> None:
        async with self.database.transaction() as conn:
            await run_store.note_progress(conn, run_id, words)

    async def commit(self, run_id: str, by: str) -> bool:
        """Do what was previewed. True where orders are left to be decided by themselves.

        Problem 404; 409 where it is not previewed, has expired or been refused, or its inputs have changed.
        Committing a run again does nothing.
        """
        now = await self._now()
        refusal: dict[str, Any] | None = None
        rechecks_left = False
        loans: dict[str, int] = {}
        async with self.database.transaction() as conn:
            row = await run_store.read_run(conn, run_id, lock=True)
            if row is None:
                raise not_found("run")
            if row.status == "committed":
                return False
            self._may_commit(row)
            run = await run_store.stored_run(conn, row)
            with collector_paused():
                outcome = await commit_run(SqlAllocationStore(conn), RunReads(conn), self._options, run, now)
            if isinstance(outcome, Busy):
                raise conflict("run_busy", "Orders are being decided by themselves. Try again in a second.")
            if isinstance(outcome, Changed):
                refusal = await self._changes(conn, run_id, outcome)
                await run_store.close_run(conn, run_id, "refused", by, self._wall(), changes=refusal)
            else:
                rechecks_left, loans = outcome.session.rechecks_left, outcome.session.loans_noted
                decision = outcome.decision_id
                await run_store.close_run(conn, run_id, "committed", by, self._wall(), decision_id=decision)
        if refusal is not None:
            raise _refused(refusal)
        loan_metrics.count(loans)
        return rechecks_left

    def _may_commit(self, row: Any) -> None:
        if row.status == "refused":
            raise _refused(run_store.changes_of(row) or {})
        if row.status != "previewed":
            raise conflict(
                "run_not_previewed", "Only a run that has been previewed can be committed.", state=row.status
            )
        if row.expires_at <= self._wall():
            raise conflict("run_expired", "The preview is too old. Make a new run.", state="expired")

    async def _changes(self, conn: Any, run_id: str, changed: Changed) -> dict[str, Any]:
        known = await run_store.known_lines(conn, run_id, list(changed.skus))
        now: list[RunDemand] = [one for one in changed.candidates if one.sku in changed.skus]
        skus = [{"sku": sku, "change": words} for sku, words in sorted(changed.skus.items())]
        return {
            "changed_sku_count": len(skus),
            "changed_skus": skus[:SHOWN_CHANGES],
            "changed_lines": changed_lines(known, now),
        }


def _refused(changes: dict[str, Any]) -> Exception:
    words = "What the preview went by has changed; nothing was done. Make a new run."
    return conflict("run_inputs_changed", words, **changes)
