"""Migrations of a live system: no table stays locked while others are read, and replicas wait for each other.

A session that holds a lock stops the migration at a place; a lock that must be free is asked for without waiting.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tests.integration.check.old_databases import OldDatabase, to_head

from service_kit.testing import eventually

IN_THE_MIDDLE = {
    ("inventory_service", "0003"): "LOCK TABLE purchase_order IN SHARE MODE",
    ("order_service", "0005"): "LOCK TABLE line_location IN ROW SHARE MODE",
}
"""By service and the revision before: what keeps the migration from its last statements."""

FREE = {
    "inventory_service": ("shipment_line", "stock_document_line", "stock_level", "ledger_entry"),
    "order_service": ("shipment", "shipment_line", "customer_order"),
}
"""The tables of each service that must not be locked meanwhile."""


@asynccontextmanager
async def holding(engine: AsyncEngine, statement: str) -> AsyncIterator[AsyncConnection]:
    """A transaction that holds the locks of ``statement``."""
    async with engine.begin() as conn:
        await conn.execute(text(statement))
        yield conn


async def session(engine: AsyncEngine, condition: str) -> None:
    """Wait until another session of this database meets the condition."""
    others = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

    async def found() -> bool:
        async with engine.connect() as conn:
            return bool((await conn.execute(text(f"SELECT EXISTS ({others} AND {condition})"))).scalar_one())

    await eventually(found, timeout=60, reason=condition)


async def someone_waits(engine: AsyncEngine) -> None:
    await session(engine, "wait_event_type = 'Lock' AND query NOT ILIKE '%advisory_lock%'")


@pytest.mark.parametrize(("service", "before"), IN_THE_MIDDLE)
async def test_tables_are_read_and_written_while_a_migration_works_on_others(
    old_database: OldDatabase, service: str, before: str
) -> None:
    engine = await old_database(service, before)
    async with holding(engine, IN_THE_MIDDLE[service, before]):
        migration = asyncio.create_task(to_head(engine, service))
        await someone_waits(engine)
        for table in FREE[service]:
            async with holding(engine, f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE NOWAIT"):
                assert not migration.done()
    await migration


@pytest.mark.parametrize(("service", "before"), IN_THE_MIDDLE)
async def test_a_migration_that_ended_in_the_middle_is_repeated(
    old_database: OldDatabase, service: str, before: str
) -> None:
    engine = await old_database(service, before)
    async with holding(engine, IN_THE_MIDDLE[service, before]) as conn:
        migration = asyncio.create_task(to_head(engine, service))
        await someone_waits(engine)
        cancelled = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
        await conn.execute(text(f"{cancelled} WHERE datname = current_database() AND wait_event_type = 'Lock'"))
        with pytest.raises(DBAPIError, match="canceling statement"):
            await migration
    await to_head(engine, service)


async def test_replicas_that_start_together_migrate_once(old_database: OldDatabase) -> None:
    """The one that waits must not keep the other from making an index, which waits for all other transactions."""
    engine = await old_database("order_service", "0005")
    url = engine.url.render_as_string(hide_password=False)
    command = (sys.executable, "-m", "service_kit.persistence.migrations", "order_service", url)
    async with holding(engine, "LOCK TABLE shipment IN ROW SHARE MODE"):
        replicas = [await asyncio.create_subprocess_exec(*command) for _ in range(2)]
        await someone_waits(engine)
        await session(engine, "query ILIKE '%advisory_lock%'")
    assert [await replica.wait() for replica in replicas] == [0, 0]
