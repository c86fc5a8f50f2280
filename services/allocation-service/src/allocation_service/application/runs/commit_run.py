"""Runs: previewed without locks, committed in one transaction against the same inputs, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from allocation_service.application.allocating.allocate_supply import allocate_supply
from allocation_service.application.allocating.handle_events import close, finish
from allocation_service.application.runs.ports import RunSource
from allocation_service.application.runs.run_inputs import (
    WORDS,
    Digests,
    Inputs,
    digests_of,
    inputs_of,
    moving_skus,
    selected,
)
from allocation_service.application.runs.run_records import Known
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.decision_record import DecisionRow
from allocation_service.application.session.options import Options
from allocation_service.application.session.ports import AllocationStore
from allocation_service.application.session.session_records import Origin
from allocation_service.application.session.store_session import prepare_all
from allocation_service.domain import protocol_rules
from allocation_service.domain.decisions.recorded_run import stored_planned, stored_run
from allocation_service.domain.reasons import moved_by_run
from allocation_service.domain.runs.run import Planned, RunDemand, Segment
from allocation_service.domain.runs.run_planning import RunPlan, plan_run

SHOWN_CHANGES = 50
"""SKUs, and lines, that a refusal names at most."""


class StoredRun(NamedTuple):
    """What a commit needs of a preview."""

    run_id: str
    segments: tuple[Segment, ...]
    as_of: datetime
    digests: dict[str, Digests]


class Busy(NamedTuple):
    """Orders of these SKUs are being decided by themselves; it passes within a moment."""

    skus: tuple[str, ...]


class Changed(NamedTuple):
    """What is different from the preview: of each SKU in words; ``candidates`` are those there are now."""

    skus: dict[str, str]
    candidates: tuple[RunDemand, ...]


class Committed(NamedTuple):
    """What was done, and under which decision."""

    decision_id: str
    plan: RunPlan
    session: AllocationSession


async def commit_run(
    store: AllocationStore, source: RunSource, options: Options, run: StoredRun, now: datetime
) -> Committed | Changed | Busy:
    """Do what was previewed if nothing it went by has changed; all or nothing, in the caller's transaction.

    Locks the SKUs in sorted order and then, before events are stored, the orders: as every decision does.
    What the run leaves free is handed out by the policies right after, as any free stock is.
    """
    session = AllocationSession(grace_days=options.grace_days, wording=options.wording)
    session.cause_times = dict.fromkeys(run.digests, now)
    await store.lock_skus(session, protocol_rules.lock_order(run.digests), ())
    busy = tuple(sku for sku in run.digests if session.blocked(sku))
    if busy:
        return Busy(busy)
    now = protocol_rules.decision_time(now, [sku.last_now for sku in session.skus.values()])
    found = await source.candidates(run.segments)
    inputs, changed = await source.in_thread(partial(_compare, session, run, found, now))
    if changed:
        return changed
    session.decision_times = dict.fromkeys(session.skus, now)
    plan = await source.in_thread(partial(plan_run, inputs.stocks, inputs.selection.movable, run.segments, run.as_of))
    moved = [one.candidate for one in plan.lines if one.moves]
    whole = {one.order_id for one in moved if one.ship_complete}
    await source.load_lines(session, [one.line_id for one in moved], whole)
    builder = DecisionBuilder(session, Origin("Run", run.run_id), now)
    prepared = await source.in_thread(partial(_carry_out, builder, store, run, inputs, plan))
    decision_id = builder.record.decision_id
    await store.write_and_publish(prepared)
    await _hand_on(store, session, builder, plan)
    return Committed(decision_id, plan, session)


def _compare(
    session: AllocationSession, run: StoredRun, found: Sequence[RunDemand], now: datetime
) -> tuple[Inputs, Changed | None]:
    selection = selected(found, run.segments)
    skus = moving_skus(selection)
    if not session.skus.keys() >= set(skus):
        new = {sku: "has demand that takes part, and had none" for sku in skus if sku not in session.skus}
        return Inputs(selection, {}, {}), Changed(new, tuple(one.candidate for one in selection.movable))
    inputs = inputs_of(session.skus, selection, now, session.grace_days)
    changed = differences(run.digests, digests_of(inputs, now))
    if changed:
        return inputs, Changed(changed, tuple(one.candidate for one in selection.movable))
    return inputs, None


def differences(before: Mapping[str, Digests], after: Mapping[str, Digests]) -> dict[str, str]:
    """What of each SKU is not as it was, in words."""
    changed: dict[str, str] = {}
    for sku in sorted(before.keys() | after.keys()):
        if sku not in after:
            changed[sku] = "has no demand that takes part any more"
        elif before.get(sku) != after[sku]:
            then = before.get(sku)
            parts = [WORDS[name] for name in Digests._fields if getattr(then, name, "") != getattr(after[sku], name)]
            changed[sku] = f"{' and '.join(parts)} changed"
    return changed


def changed_lines(known: Mapping[str, Known], now: Iterable[RunDemand]) -> list[dict[str, Any]]:
    """Lines that did not take part in the preview, do no longer, or have other units; some of them."""
    changes: list[dict[str, Any]] = []
    left = dict(known)
    for one in now:
        was = left.pop(one.line_id, None)
        is_now = Known(one.sku, one.requested, one.confirmed_units)
        if was is None:
            changes.append({"line_id": one.line_id, "sku": one.sku, "change": "takes part now"})
        elif was != is_now:
            words = (
                f"{was.confirmed} of {was.requested} units were confirmed, now {is_now.confirmed} of {is_now.requested}"
            )
            changes.append({"line_id": one.line_id, "sku": one.sku, "change": words})
    changes += [
        {"line_id": line_id, "sku": was.sku, "change": "takes no part any more"} for line_id, was in left.items()
    ]
    return sorted(changes, key=lambda one: str(one["line_id"]))[:SHOWN_CHANGES]


def _carry_out(builder: DecisionBuilder, store: AllocationStore, run: StoredRun, inputs: Inputs, plan: RunPlan) -> Any:
    """Move the units, promise anew what was taken back, record the decision; what stores and tells it all."""
    words = [one.strategy.value for one in run.segments]
    for planned in plan.lines:
        if planned.change < 0:
            line = builder.session.lines[planned.candidate.line_id]
            for location, units in planned.moves:
                builder.deallocate(line, location, -units, moved_by_run(units, words[planned.segment]))
    for planned in plan.lines:
        if planned.change > 0:
            line = builder.session.lines[planned.candidate.line_id]
            builder.grant(line, planned.moves, moved_by_run(planned.change, words[planned.segment]))
    builder.renew_promises()
    builder.returned.clear()
    rows = [_row(number, planned, words) for number, planned in enumerate(plan.lines, start=1)]
    builder.add_step(stored_run(run.run_id, inputs.stocks, run.segments, run.as_of), rows)
    close(builder)
    return prepare_all(store, builder.session)


def _row(number: int, planned: Planned, words: Sequence[str]) -> DecisionRow:
    one, change = planned.candidate, planned.change
    reason = moved_by_run(change, words[planned.segment])
    return DecisionRow(0, number, one.line_id, one.sku, one.requested, change, reason, stored_planned(planned))


async def _hand_on(store: AllocationStore, session: AllocationSession, done: DecisionBuilder, plan: RunPlan) -> None:
    """What the run left free goes to those who wait, under a decision of its own."""
    left = {sku for sku, units in plan.left.items() if units and session.skus[sku].waiting_units}
    if left:
        builder = DecisionBuilder(session, done.origin, done.now)
        builder.queues_to_serve |= left
        await allocate_supply(builder, store)
        builder.renew_promises()
        close(builder)
    await finish(store, session)
