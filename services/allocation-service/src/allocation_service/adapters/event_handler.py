"""The consumer's handler: a batch of events on the connection that holds the inbox rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.lending import loan_metrics
from allocation_service.adapters.store.sql_allocation_store import SqlAllocationStore
from allocation_service.application.allocating.deferred_orders import decide_deferred_orders
from allocation_service.application.session.handle_events import Options, handle_events
from allocation_service.wording.reason_words import published_words
from event_contracts import Event
from service_kit.persistence.database import Database
from service_kit.runtime.garbage_collection import collector_paused


class AllocationHandler:
    """Handles batches; ``rechecks_wanted`` is set when one left orders to be decided by themselves."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options(published_words)
        self.rechecks_wanted = asyncio.Event()

    async def __call__(self, conn: AsyncConnection, events: Sequence[Event]) -> None:
        """Apply the batch and answer it, in the caller's transaction."""
        with collector_paused():
            session = await handle_events(SqlAllocationStore(conn), events, self.options)
            rechecks_left, loans = session.rechecks_left, session.loans_noted
            # Nothing holds the session any more when the collector goes on: it would walk over all of it once.
            del session
        loan_metrics.count(loans)
        if rechecks_left:
            self.rechecks_wanted.set()


async def run_deferred_orders(database: Database, options: Options, *, limit: int = 20) -> int:
    """Decide stored rechecks until none is left; the number decided. Safe to run from several workers.

    ``limit`` orders share a transaction: what they take of memory at once stays with the process, in pieces.
    """
    done = 0
    while True:
        async with database.transaction() as conn:
            with collector_paused():
                session = await decide_deferred_orders(SqlAllocationStore(conn), options, limit)
        if session is not None:
            loan_metrics.count(session.loans_noted)
        if session is None or not session.decided:
            return done
        done += session.decided
