"""A database that the first releases of allocation wrote keeps every invariant when it is brought up to date.

Its lines wait for deliveries, units are held back for better tiers, and some were lent.
"""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.allocation.stored_database import BEFORE, store_rows
from tests.integration.check.old_databases import OldDatabase, run, to_head

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.promising.renew_passed_promises import renew_passed_promises
from allocation_service.application.session.options import Options
from allocation_service.invariants import INVARIANTS
from allocation_service.wording.reason_words import published_words
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database
from service_kit.testing.invariants import assert_invariants

_IDLE = "allocation: no idle stock"
_COUNTED = "SELECT sku, claim_date::text, sum({units})::int FROM {table} GROUP BY 1, 2 ORDER BY 1, 2"
_REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END';
    CREATE TRIGGER refuse BEFORE UPDATE ON promised FOR EACH ROW EXECUTE FUNCTION refuse()
"""
"""Lets the migration that fills the counters of claims fail when it has changed its tables and some rows."""


async def _assert_kept(engine: AsyncEngine) -> None:
    """Every unit that waits is counted under the day from which it claims supply, and every invariant holds once the
    service has looked at the promises by learned dates. It does that with each SKU that it never looked at; by these
    dates a delivery may come too late for a promise that units held back can keep."""
    async with engine.connect() as conn:
        counted = await conn.execute(text(_COUNTED.format(table="claimed", units="units")))
        waiting = await conn.execute(text(_COUNTED.format(table="queue_entry", units="quantity")))
        found = [tuple(row) for row in counted.all()]
        assert found == [tuple(row) for row in waiting.all()]
        assert found
    database = Database(engine.url.render_as_string(hide_password=False))
    try:
        await assert_invariants(database, [one for one in INVARIANTS if one.name != _IDLE], at_rest=False)
        async with SqlUnitOfWorkFactory(database, SqlAllocationUnitOfWork).begin() as uow:
            await renew_passed_promises(uow, Options(published_words), datetime.fromisoformat(BEFORE["now"]))
            await uow.commit()
        await assert_invariants(database, INVARIANTS, at_rest=False)
    finally:
        await database.close()


async def test_all_migrations_from_the_release_that_wrote_it(old_database: OldDatabase) -> None:
    engine = await old_database("allocation_service", "0009")
    async with engine.begin() as conn:
        await store_rows(conn)
    await to_head(engine, "allocation_service")
    await _assert_kept(engine)


async def test_migrations_that_failed_while_rows_were_rewritten_are_repeated(old_database: OldDatabase) -> None:
    engine = await old_database("allocation_service", "0013")
    async with engine.begin() as conn:
        await store_rows(conn)
    await run(engine, _REFUSE)
    with pytest.raises(DBAPIError, match="refused"):
        await to_head(engine, "allocation_service")
    async with engine.connect() as conn:
        assert (await conn.execute(text("SELECT version_num FROM alembic_version"))).scalar_one() == "0013"
        assert (await conn.execute(text("SELECT count(*) FROM claimed"))).scalar_one() == 0
    await run(engine, "DROP FUNCTION refuse CASCADE")
    await to_head(engine, "allocation_service")
    await _assert_kept(engine)
