"""What became of deliveries and of first dates is folded into the next version of the table of lateness."""

from __future__ import annotations

from datetime import datetime, timedelta

from allocation_service.application.promising.ports import LatenessState
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.lateness.table_building import build_table

LEAST_BETWEEN = timedelta(minutes=1)
"""Between two versions of one day."""


async def fold_outcomes(uow: AllocationUnitOfWork, now: datetime) -> int | None:
    """Build the next version of the table, if the day of the last one is over or a minute has passed since; ``now`` is
    the business time. Its version, None where nothing was to be done or another worker is at it.

    A version is built of all that is known at its moment and never changes, so that a decision that names its version
    can be computed again.
    """
    if not _is_due(await uow.lateness.state(), now, uow.now):
        return None
    state = await uow.lateness.claim()
    if state is None or not _is_due(state, now, uow.now):
        return None
    today, new_day = now.date(), state.built_for != now.date()
    outcomes = await uow.lateness.judge(today, whole=new_day)
    levels = (await uow.lateness.levels()).after(outcomes)
    await uow.lateness.keep_levels(levels)
    history, targets = await uow.lateness.history(today), await uow.lateness.targets()
    before = await uow.lateness.table(state.version)
    built = await uow.store.in_thread(lambda: build_table(state.version + 1, history, today, targets, levels.alpha))
    await uow.lateness.keep_table(built, before, today, uow.now)
    return built.version


def _is_due(state: LatenessState, now: datetime, wall: datetime) -> bool:
    if state.built_for is None or state.built_at is None:
        return True
    # History that is replayed may begin years before the last day: nothing of it would be judged for that day. A day
    # behind is what the clocks of two hosts may differ by at midnight.
    begins_anew = (state.built_for - now.date()).days > 1
    return now.date() > state.built_for or begins_anew or wall - state.built_at >= LEAST_BETWEEN
