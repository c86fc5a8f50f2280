"""Statements that pass SQLAlchemy by: in its transaction all the same, and several as one."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.persistence.database import Database
from service_kit.persistence.statements import Statement, together, values_together

pytestmark = pytest.mark.postgres

ADD_A = Statement("INSERT INTO a (n) SELECT n FROM unnest(CAST(:ns AS int[])) AS n", changes="a")
ADD_B = Statement("INSERT INTO b (n) SELECT n FROM unnest(CAST(:ns AS int[])) AS n", changes="b")


@pytest.fixture
async def tables(database: Database) -> Database:
    async with database.transaction() as conn:
        for table in "ab":
            await conn.execute(text(f"DROP TABLE IF EXISTS {table}"))
            await conn.execute(text(f"CREATE TABLE {table} (n int PRIMARY KEY)"))
    return database


async def rows(conn: AsyncConnection) -> list[tuple[str, int]]:
    found = await conn.execute(text("SELECT 'a', n FROM a UNION ALL SELECT 'b', n FROM b ORDER BY 1, 2"))
    return [tuple(row) for row in found]


async def all_rows(database: Database) -> list[tuple[str, int]]:
    async with database.reading() as conn:
        return await rows(conn)


async def test_a_statement_is_part_of_the_transaction_even_as_its_first(tables: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with tables.transaction() as conn:
            await ADD_A.within(conn, {"ns": [1]})
            assert await rows(conn) == [("a", 1)]
            raise ZeroDivisionError
    assert await all_rows(tables) == []
    async with tables.transaction() as conn:
        await ADD_A.within(conn, {"ns": [1]})
    assert await all_rows(tables) == [("a", 1)]


async def test_a_parameter_may_stand_twice(tables: Database) -> None:
    sums = Statement("SELECT CAST(:n AS int) + CAST(:n AS int) AS sum")
    async with tables.transaction() as conn:
        assert [row["sum"] for row in await sums.within(conn, {"n": 2})] == [4]


async def test_changes_of_different_tables_are_one_statement(tables: Database) -> None:
    both = together(ADD_A, ADD_B)
    values: Any = values_together([{"ns": [1, 2]}, {"ns": [3]}])
    async with tables.transaction() as conn:
        assert list(await both.within(conn, values)) == []
    assert await all_rows(tables) == [("a", 1), ("a", 2), ("b", 3)]


async def test_of_statements_that_run_together_all_fail_or_none(tables: Database) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        async with tables.transaction() as conn:
            await together(ADD_A, ADD_B).within(conn, values_together([{"ns": [1]}, {"ns": [2, 2]}]))
    assert await all_rows(tables) == []
