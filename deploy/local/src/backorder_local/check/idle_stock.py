"""Stock that lies before someone who waits: a fault, unless the SKU's policy keeps it from them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from allocation_service.adapters.rehearsal import rehearse_idle
from allocation_service.application.handler import Options
from backorder_local.check.invariant import Invariant, Offender, Reading
from service_kit.database import Database

_SHOWN = 1_000


def idle_unless_kept(name: str, statement: str, query: str) -> Invariant:
    """An invariant whose query returns rows with a ``sku`` where stock lies idle if no policy keeps it.

    What the policies say is asked of the service's own code, in a transaction that is rolled back.
    """

    async def check(reading: Reading) -> AsyncIterator[Offender]:
        rows = [dict(row) async for row in reading.rows("allocation", f"{query} LIMIT {_SHOWN}")]
        if not rows:
            return
        database = Database(reading.url("allocation").replace("postgresql:", "postgresql+asyncpg:", 1), pool_size=1)
        try:
            kept = await rehearse_idle(database, Options(), {str(row["sku"]) for row in rows})
        finally:
            await database.close()
        for row in rows:
            if row["sku"] not in kept:
                yield row

    return Invariant(name, statement, check)
