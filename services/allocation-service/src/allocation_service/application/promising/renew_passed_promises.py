"""Promises whose day is over are made anew, and each morning those are looked at that will rather be missed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from allocation_service.application.allocating.handle_events import finish
from allocation_service.application.allocating.locked_session import allocate_free_stock, lock_session
from allocation_service.application.session.options import Options, note_effects
from allocation_service.application.session.session_records import Origin
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.supply.sku import Sku

PASSED = "the promised date passed"
MORNING = "a day began"
"""Where dates are learned, another day without a delivery says something about it, and so does another table."""
_A_ROUND = 100


async def find_passed_promises(uow: AllocationUnitOfWork, now: datetime, without: Collection[str]) -> Sequence[str]:
    """Up to 100 SKUs with units promised for a day before ``now``, or whose promises have not been looked at since its
    day began."""
    found = await uow.background.skus_with_passed_promises(now.date(), without=without)
    if len(found) < _A_ROUND:
        others = {*without, *found}
        found = [*found, *await uow.lateness.skus_to_judge(now.date(), _A_ROUND - len(found), others)]
    return found


async def renew_passed_promises(
    uow: AllocationUnitOfWork, options: Options, now: datetime, skus: Sequence[str] | None = None
) -> int:
    """Promise again what was promised for a day before ``now``, or will rather be missed than kept, for these SKUs or
    for up to 100; how many events that made."""
    if skus is None:
        skus = await find_passed_promises(uow, now, ())
    if not skus:
        return 0
    session = await lock_session(uow.store, options, skus, now)
    for name, sku in session.skus.items():
        session.revisions_due[name] = Origin(PASSED if _has_passed(sku, now.date()) else MORNING)
        if sku.reliance is not None and sku.free > 0 and sku.waiting_units:
            # What was kept for a promise may be replaced in time by now.
            await allocate_free_stock(uow.store, session, name, MORNING)
    await finish(uow.store, session)
    await uow.lateness.note_judged(skus, now.date())
    note_effects(uow, session, options)
    return session.effects.events_told


def _has_passed(sku: Sku, today: date) -> bool:
    return any(day < today for day in sku.counters.promised_units())
