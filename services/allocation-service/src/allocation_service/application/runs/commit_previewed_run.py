"""A previewed run is committed, or refused with what has changed since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allocation_service.application.runs.commit_run import (
    SHOWN_CHANGES,
    Busy,
    Changed,
    StoredRun,
    changed_lines,
    commit_run,
)
from allocation_service.application.runs.errors import (
    RunBusy,
    RunExpired,
    RunInputsChanged,
    RunNotFound,
    RunNotPreviewed,
)
from allocation_service.application.runs.run_records import Run
from allocation_service.application.session.options import Options, note_effects
from allocation_service.application.unit_of_work import AllocationUnitOfWork


@dataclass(frozen=True, slots=True)
class CommitRun:
    """Do what was previewed. ``by`` is the id of the caller's key; ``now`` is the business time."""

    run_id: str
    by: str
    now: datetime


async def commit_previewed_run(
    uow: AllocationUnitOfWork, command: CommitRun, options: Options
) -> RunInputsChanged | None:
    """Do what was previewed, all of it; committing again does nothing.

    Returned, because it is recorded: RunInputsChanged, where nothing was done. Raises RunNotFound,
    RunNotPreviewed, RunExpired, RunBusy, and RunInputsChanged for a run that was refused before.
    """
    run = await uow.runs.read_run(command.run_id, lock=True)
    if run is None:
        raise RunNotFound
    if run.status == "committed":
        return None
    as_of = _may_commit(run, uow.now)
    stored = StoredRun(run.run_id, run.segments, as_of, await uow.runs.digests(run.run_id))
    outcome = await commit_run(uow.store, uow.run_source, options, stored, command.now)
    if isinstance(outcome, Busy):
        raise RunBusy
    if isinstance(outcome, Changed):
        changes = await _changes(uow, run.run_id, outcome)
        await uow.runs.close_run(run.run_id, "refused", command.by, uow.now, changes=changes)
        return RunInputsChanged(changes)
    note_effects(uow, outcome.session, options)
    await uow.runs.close_run(run.run_id, "committed", command.by, uow.now, decision_id=outcome.decision_id)
    return None


def _may_commit(run: Run, now: datetime) -> datetime:
    """The moment that the preview was made of."""
    if run.status == "refused":
        raise RunInputsChanged(run.changes or {})
    if run.status != "previewed" or run.expires_at is None or run.as_of is None:
        raise RunNotPreviewed(run.status)
    if run.expires_at <= now:
        raise RunExpired
    return run.as_of


async def _changes(uow: AllocationUnitOfWork, run_id: str, changed: Changed) -> dict[str, Any]:
    known = await uow.runs.known_lines(run_id, list(changed.skus))
    now = [one for one in changed.candidates if one.sku in changed.skus]
    skus = [{"sku": sku, "change": words} for sku, words in sorted(changed.skus.items())]
    return {
        "changed_sku_count": len(skus),
        "changed_skus": skus[:SHOWN_CHANGES],
        "changed_lines": changed_lines(known, now),
    }
