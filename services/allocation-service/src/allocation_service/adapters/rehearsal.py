"""Asking the real thing what it would do, and letting it do nothing."""

from __future__ import annotations

from collections.abc import Collection

from allocation_service.adapters.sql_ledger import SqlLedger
from allocation_service.application.handler import Options
from allocation_service.application.sweeping import rightly_idle
from service_kit.database import Database


class _NothingDone(Exception):
    """Rolls a rehearsal back."""


async def rehearse_idle(database: Database, options: Options, skus: Collection[str]) -> set[str]:
    """Those of the SKUs whose free stock is rightly kept from all who wait for it."""
    found: set[str] = set()
    try:
        async with database.transaction() as conn:
            found = await rightly_idle(SqlLedger(conn), options, skus)
            raise _NothingDone
    except _NothingDone:
        return found
