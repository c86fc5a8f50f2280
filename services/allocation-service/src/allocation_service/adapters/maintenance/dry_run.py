"""Asking the real thing what it would do, and letting it do nothing."""

from __future__ import annotations

from collections.abc import Collection

from allocation_service.adapters.store.sql_allocation_store import SqlAllocationStore
from allocation_service.application.allocating.sweeping import rightly_idle
from allocation_service.application.session.handle_events import Options
from service_kit.persistence.database import Database


class _NothingDone(Exception):
    """Rolls a rehearsal back."""


async def rehearse_idle(database: Database, options: Options, skus: Collection[str]) -> set[str]:
    """Those of the SKUs whose free stock is rightly kept from all who wait for it."""
    found: set[str] = set()
    try:
        async with database.transaction() as conn:
            found = await rightly_idle(SqlAllocationStore(conn), options, skus)
            raise _NothingDone
    except _NothingDone:
        return found
