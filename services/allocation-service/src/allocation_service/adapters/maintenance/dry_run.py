"""Asking the real allocation code what it would do, without letting it do anything."""

from __future__ import annotations

from collections.abc import Collection

from allocation_service.adapters.store.sql_allocation_store import SqlAllocationStore
from allocation_service.application.allocating.sweeping import rightly_idle
from allocation_service.application.session.handle_events import Options
from service_kit.persistence.database import Database


class _RolledBack(Exception):
    """Ends a dry run, so that its transaction is rolled back."""


async def skus_withheld_by_policy(database: Database, options: Options, skus: Collection[str]) -> set[str]:
    """Those of the SKUs whose free stock their policies keep from every backorder that waits for it.

    Locks the SKUs while it runs.
    """
    found: set[str] = set()
    try:
        async with database.transaction() as conn:
            found = await rightly_idle(SqlAllocationStore(conn), options, skus)
            raise _RolledBack
    except _RolledBack:
        return found
