"""Promises whose day is over are made anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from allocation_service.application.allocating.handle_events import finish
from allocation_service.application.allocating.locked_session import lock_session
from allocation_service.application.session.options import Options, note_effects
from allocation_service.application.session.session_records import Origin
from allocation_service.application.unit_of_work import AllocationUnitOfWork

PASSED = "the promised date passed"


async def find_passed_promises(uow: AllocationUnitOfWork, now: datetime, without: Collection[str]) -> Sequence[str]:
    """Up to 100 SKUs with units promised for a day before ``now``."""
    return await uow.background.skus_with_passed_promises(now.date(), without=without)


async def renew_passed_promises(
    uow: AllocationUnitOfWork, options: Options, now: datetime, skus: Sequence[str] | None = None
) -> int:
    """Promise again what was promised for a day before ``now``, for these SKUs or for up to 100; how many events that
    made."""
    if skus is None:
        skus = await uow.background.skus_with_passed_promises(now.date())
    if not skus:
        return 0
    session = await lock_session(uow.store, options, skus, now)
    for sku in session.skus:
        session.revisions_due[sku] = Origin(PASSED)
    await finish(uow.store, session)
    note_effects(uow, session, options)
    return session.effects.events_told
