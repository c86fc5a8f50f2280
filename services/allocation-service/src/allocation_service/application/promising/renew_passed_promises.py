"""Promises whose day is over are made anew."""

from __future__ import annotations

from datetime import datetime

from allocation_service.application.allocating.handle_events import finish
from allocation_service.application.allocating.locked_session import lock_session
from allocation_service.application.session.options import Options, note_effects
from allocation_service.application.session.session_records import Origin
from allocation_service.application.unit_of_work import AllocationUnitOfWork

PASSED = "the promised date passed"


async def renew_passed_promises(uow: AllocationUnitOfWork, options: Options, now: datetime) -> int:
    """Promise again what was promised for a day before ``now``, for up to 100 SKUs; how many events that made."""
    skus = await uow.background.skus_with_passed_promises(now.date())
    if not skus:
        return 0
    session = await lock_session(uow.store, options, skus, now)
    for sku in session.skus:
        session.revisions_due[sku] = Origin(PASSED)
    await finish(uow.store, session)
    note_effects(uow, session, options)
    return session.effects.events_told
