"""Connections lent for single statements: kept while they are of use, and never lent again once they are closed."""

import pytest
from sqlalchemy import text

from service_kit.persistence.statements import driver_within
from service_kit.testing.eventually import eventually

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("way", ["autocommit", "transaction", "reading"])
async def test_connections_that_the_server_closed_are_not_lent_again(database, way):
    one, other = database.autocommit(), database.autocommit()
    async with one.statement() as first, other.statement() as second:
        drivers = [first.driver, second.driver]
    await one.give_back()
    await other.give_back()
    async with database.transaction() as connection:
        own = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        (closed,) = (driver for driver in drivers if driver.get_server_pid() != own)
        await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": closed.get_server_pid()})
    await eventually(closed.is_closed)
    for _ in range(4):
        if way == "autocommit":
            async with one.statement() as connection:
                assert await connection.driver.fetchval("SELECT 1") == 1
            await one.give_back()
            continue
        async with getattr(database, way)() as connection:
            assert await (await driver_within(connection)).fetchval("SELECT 1") == 1


async def test_a_connection_is_kept_between_statements_but_not_after_an_error_nor_if_it_was_closed(database):
    statements = database.autocommit()

    async def process() -> int:
        async with statements.statement() as connection:
            return await connection.driver.fetchval("SELECT pg_backend_pid()")

    first = await process()
    assert await process() == first
    with pytest.raises(ConnectionResetError):
        async with statements.statement():
            raise ConnectionResetError
    second = await process()
    assert second != first
    async with statements.statement() as connection:
        kept = connection.driver
    async with database.transaction() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": second})
    await eventually(kept.is_closed)
    assert await process() not in (first, second)
    await statements.give_back()
