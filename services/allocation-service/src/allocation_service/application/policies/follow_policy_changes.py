"""Queues are served again where another policy decides than before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from allocation_service.application.allocating.handle_events import finish
from allocation_service.application.allocating.locked_session import allocate_free_stock, lock_session
from allocation_service.application.session.options import Options, note_effects
from allocation_service.application.unit_of_work import AllocationUnitOfWork, Units
from service_kit.commands.execute import execute, read


async def note_policy_windows(units: Units, now: datetime) -> None:
    """Mark the queues for review whose policies' windows began or ended since the last look."""
    if await read(units, _windows_due, now):
        await execute(units, _note_windows, now)


async def find_reviews(uow: AllocationUnitOfWork, without: Collection[str], limit: int = 100) -> Sequence[str]:
    """The SKUs whose queues have waited longest for review."""
    return await uow.assignments.reviews_due(limit, without)


async def follow_policy_changes(uow: AllocationUnitOfWork, options: Options, now: datetime, skus: Sequence[str]) -> int:
    """Serve those queues of ``skus`` that are marked for review; how many those were.

    What one policy kept, another may let go of. What was decided stays (protocol rule 16, docs/protocol.md).
    """
    marked = await uow.assignments.take_reviews(len(skus), skus)
    if not marked:
        return 0
    session = await lock_session(uow.store, options, marked, now)
    for name in session.skus:
        await allocate_free_stock(uow.store, session, name, "PolicyChanged")
    await finish(uow.store, session)
    note_effects(uow, session, options)
    return len(marked)


async def _windows_due(uow: AllocationUnitOfWork, now: datetime) -> bool:
    return await uow.assignments.windows_due(now)


async def _note_windows(uow: AllocationUnitOfWork, now: datetime) -> None:
    await uow.assignments.note_windows(now)
