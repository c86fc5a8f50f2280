"""The proof at intervals that no stock lies idle before those who could have it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from allocation_service.application.allocating.handle_events import finish
from allocation_service.application.allocating.locked_session import allocate_free_stock, lock_session
from allocation_service.application.session.options import Options, note_effects
from allocation_service.application.unit_of_work import AllocationUnitOfWork


class Reconciliation(NamedTuple):
    """One round: ``events`` are those it made.

    ``missed`` are SKUs where something had to be done that no policy explains: an event had been missed.
    """

    events: int
    missed: frozenset[str]


async def find_idle_stock(
    uow: AllocationUnitOfWork, after: str, without: Collection[str], limit: int = 100
) -> Sequence[str]:
    """The next SKUs behind ``after`` that a reconciliation has to look at.

    Where a policy keeps stock from those who wait it may lie there for long, so the other SKUs have their turn first.
    """
    return await uow.background.skus_to_reconcile(after, limit, without)


async def reconcile_stock(
    uow: AllocationUnitOfWork, options: Options, now: datetime, skus: Sequence[str]
) -> Reconciliation:
    """Serve the queues of ``skus`` that stand before free stock, and take back shortfalls, as any event would."""
    session = await lock_session(uow.store, options, skus, now)
    missed = set()
    for name, sku in session.skus.items():
        if await allocate_free_stock(uow.store, session, name, "Reconciled") and not sku.policy.guarded:
            missed.add(name)
    await finish(uow.store, session)
    missed -= await uow.assignments.awaiting_review(sorted(missed))
    note_effects(uow, session, options)
    return Reconciliation(session.effects.events_told, frozenset(missed))
