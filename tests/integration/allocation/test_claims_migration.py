"""Promises of before each had its claim: they claim the day they were promised for, backed as far as supply comes."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import pool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from allocation_service.adapters.queue.priority_bands import PriorityBands
from allocation_service.domain.policies.policy import Sort
from service_kit.persistence.migrations import upgrade
from service_kit.testing.databases import server_url

_OLD = """
    INSERT INTO sku (sku, known, mode, lead_time_days, policy_version, waiting_units, backed_through)
    VALUES ('A', true, 'backorder', 10, 1, 9, '2026-02-12');
    INSERT INTO inbound (po_line, sku, remaining, eta, supplier, location, version)
    VALUES ('p', 'A', 4, '2026-02-04T17:00Z', 'S', 'HH', 2), ('q', 'A', 9, '2026-02-12T17:00Z', 'S', 'HH', 2);
    INSERT INTO demand (line_id, order_id, sku, quantity, cancelled, declined, undecided, granted_units, live_units,
                        queued_at, line_version, reason, promise_date, promise_revision, promise_cause)
    VALUES ('first', 'o1', 'A', 3, 0, 0, 0, 0, 3, now(), 1, '', '2026-02-04', 1, ''),
           ('guess', 'o2', 'A', 3, 0, 0, 0, 0, 3, now(), 1, '', '2026-02-10', 1, ''),
           ('undated', 'o3', 'A', 2, 0, 0, 0, 0, 2, now(), 1, '', NULL, 0, ''),
           ('served', 'o4', 'A', 1, 0, 0, 0, 1, 1, now(), 1, '', '2026-02-01', 1, '');
    INSERT INTO queue_entry (line_id, queued_at, sku, order_id, quantity, promise_date, tier_rank, needed_by,
                             ship_complete)
    VALUES ('first', now(), 'A', 'o1', 3, '2026-02-04', 9, '2026-02-01', false),
           ('guess', now(), 'A', 'o2', 3, '2026-02-10', 9, '2026-02-02', false),
           ('undated', now(), 'A', 'o3', 2, NULL, 9, '2026-02-02', false);
    INSERT INTO promised (sku, promise_date, units) VALUES ('A', '2026-02-04', 3), ('A', '2026-02-10', 3)
"""


@pytest_asyncio.fixture(loop_scope="session")
async def old() -> AsyncIterator[AsyncEngine]:
    """A database of before the migration, with lines that wait for two deliveries."""
    name = f"t_claims_{uuid.uuid4().hex[:8]}"
    server = create_async_engine(server_url(), poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
    async with server.connect() as conn:
        await conn.execute(text(f'CREATE DATABASE "{name}"'))
    url = server_url().set(database=name)
    await asyncio.to_thread(upgrade, "allocation_service", url.render_as_string(hide_password=False), "0013")
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.begin() as conn:
        for statement in _OLD.split(";"):
            await conn.execute(text(statement))
    yield engine
    await engine.dispose()
    async with server.connect() as conn:
        await conn.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    await server.dispose()


async def test_old_promises_claim_their_dates_and_are_backed_by_what_comes_in_time(old: AsyncEngine) -> None:
    await asyncio.to_thread(upgrade, "allocation_service", old.url.render_as_string(hide_password=False))
    async with old.connect() as conn:
        lines = (await conn.execute(text("SELECT line_id, claim_date::text, backed FROM demand ORDER BY 1"))).all()
        claimed = (
            await conn.execute(text("SELECT claim_date::text, units, backed_units FROM claimed ORDER BY claim_date"))
        ).all()
        backed = (await conn.execute(text("SELECT units, backed_units FROM promised ORDER BY promise_date"))).all()
        same = text("SELECT count(*) FROM queue_entry JOIN demand AS d USING (line_id, claim_date, backed)")
        assert (await conn.execute(same)).scalar_one() == 3
    assert [tuple(row) for row in lines] == [
        ("first", "2026-02-04", True),
        ("guess", "2026-02-10", False),
        ("served", "infinity", False),
        ("undated", "infinity", False),
    ]
    assert [tuple(row) for row in claimed] == [("2026-02-04", 3, 3), ("2026-02-10", 3, 0), ("infinity", 2, 0)]
    assert [tuple(row) for row in backed] == [(3, 3), (3, 0)]


async def test_processes_that_start_together_upgrade_once_and_keep_what_the_previous_release_uses(
    old: AsyncEngine,
) -> None:
    command = (sys.executable, "-m", "service_kit.persistence.migrations", "allocation_service")
    url = old.url.render_as_string(hide_password=False)
    processes = [await asyncio.create_subprocess_exec(*command, url) for _ in range(3)]
    assert await asyncio.gather(*[process.wait() for process in processes]) == [0, 0, 0]
    async with old.connect() as conn:
        valid = text(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'queue_entry'::regclass AND indisvalid"
        )
        indexes = set((await conn.execute(valid)).scalars())
        assert {"queue_promised", "queue_claims", "queue_fifo", "queue_priority"} <= indexes
        assert not [name for name in indexes if name.endswith("_new")]
        await conn.execute(text("SELECT backed_through FROM sku"))


@pytest.mark.parametrize("sort", [Sort.FIFO, Sort.PRIORITY])
async def test_what_stands_before_a_place_is_counted_from_an_index_alone(old: AsyncEngine, sort: Sort) -> None:
    await asyncio.to_thread(upgrade, "allocation_service", old.url.render_as_string(hide_password=False))
    key = PriorityBands("DATE '2026-02-04'", "DATE '2026-02-12'").key(sort)
    async with old.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        await conn.execute(text("VACUUM ANALYZE queue_entry"))
        await conn.execute(text("SET enable_seqscan = off"))
        counted = f"EXPLAIN SELECT count(*), sum(quantity) FROM queue_entry WHERE sku = 'A' AND ({key}) < ({key})"
        plan = "\n".join((await conn.execute(text(counted))).scalars())
    assert "Index Only Scan" in plan, plan
