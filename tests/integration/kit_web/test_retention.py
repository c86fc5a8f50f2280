"""Idempotency keys are forgotten after their time, and not before."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from service_kit.commands.idempotency import forget
from service_kit.commands.idempotency_retention import forget_old_keys

pytestmark = pytest.mark.postgres


@pytest.fixture
async def database(service_database):
    database = await service_database("service_kit.testing.sample")
    async with database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO idempotency_record"
                " (principal, operation, key, fingerprint, resource_id, status, created_at)"
                " SELECT 'p', 'o', i::text, '', 'r', 201, now() - make_interval(days => i) FROM generate_series(0, 9) i"
            )
        )
    return database


async def keys(database) -> list[str]:
    async with database.reading() as connection:
        return [row.key for row in await connection.execute(text("SELECT key FROM idempotency_record ORDER BY key"))]


async def test_old_keys_go_in_steps_oldest_first(database):
    async with database.transaction() as connection:
        assert await forget(connection, datetime.now(UTC) - timedelta(days=4.5), batch=3) == 3
    assert await keys(database) == ["0", "1", "2", "3", "4", "5", "6"]


async def test_a_round_forgets_all_old_keys(database):
    assert await forget_old_keys(database, 3, asyncio.Event()) == 7
    assert await keys(database) == ["0", "1", "2"]


async def test_a_round_begins_no_step_once_the_service_stops(database):
    stopping = asyncio.Event()
    stopping.set()
    assert await forget_old_keys(database, 3, stopping) == 0
    assert len(await keys(database)) == 10
