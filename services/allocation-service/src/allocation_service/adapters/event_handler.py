"""The consumer's handler: a batch of events on the connection that holds the inbox rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters import loan_metrics
from allocation_service.adapters.sql_ledger import SqlLedger
from allocation_service.application.handler import Options, handle_events
from allocation_service.application.rechecks import process_rechecks
from event_contracts import Event
from service_kit.collector import collector_paused
from service_kit.database import Database


class AllocationHandler:
    """Handles batches; ``rechecks_wanted`` is set when one left orders to be decided by themselves."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.rechecks_wanted = asyncio.Event()

    async def __call__(self, conn: AsyncConnection, events: Sequence[Event]) -> None:
        """Apply the batch and answer it, in the caller's transaction."""
        with collector_paused():
            book = await handle_events(SqlLedger(conn), events, self.options)
            rechecks_left, loans = book.rechecks_left, book.loans_noted
            # Nothing holds the book any more when the collector goes on: it would walk over all of it once.
            del book
        loan_metrics.count(loans)
        if rechecks_left:
            self.rechecks_wanted.set()


async def run_rechecks(database: Database, options: Options, *, limit: int = 20) -> int:
    """Decide stored rechecks until none is left; the number decided. Safe to run from several workers.

    ``limit`` orders share a transaction: what they take of memory at once stays with the process, in pieces.
    """
    done = 0
    while True:
        async with database.transaction() as conn:
            with collector_paused():
                book = await process_rechecks(SqlLedger(conn), options, limit)
        if book is not None:
            loan_metrics.count(book.loans_noted)
        if book is None or not book.decided:
            return done
        done += book.decided
