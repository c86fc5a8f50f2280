"""Stock that lies before someone who waits: a fault, unless the SKU's policy keeps it from them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.allocating.find_kept_stock import find_kept_stock
from allocation_service.application.session.options import Options
from allocation_service.wording.reason_words import published_words
from backorder_verify.check.invariant import Invariant, Offender, Reading
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database

_AT_ONCE = 500
"""SKUs that one rehearsal locks."""


def idle_unless_kept(name: str, statement: str, query: str) -> Invariant:
    """An invariant whose query returns rows with ``skus`` where stock lies idle if no policy keeps it; one that
    is kept explains the row.

    What the policies say is asked of the service's own code, in transactions that are rolled back.
    """

    async def check(reading: Reading) -> AsyncIterator[Offender]:
        rows: list[dict[str, object]] = []
        database = Database(reading.url("allocation").replace("postgresql:", "postgresql+asyncpg:", 1), pool_size=1)
        try:
            async for row in reading.rows("allocation", query):
                rows.append(dict(row))
                if len(rows) >= _AT_ONCE:
                    for one in await _unexplained(database, rows):
                        yield one
                    rows.clear()
            for one in await _unexplained(database, rows):
                yield one
        finally:
            await database.close()

    return Invariant(name, statement, check)


async def _unexplained(database: Database, rows: list[dict[str, object]]) -> list[dict[str, object]]:
    skus = {str(sku) for row in rows for sku in cast(list[str], row["skus"])}
    units = SqlUnitOfWorkFactory(database, SqlAllocationUnitOfWork)
    kept = await find_kept_stock(units, Options(published_words), skus) if skus else set()
    return [row for row in rows if not kept.intersection(cast(list[str], row["skus"]))]
