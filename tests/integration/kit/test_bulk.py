"""Rows of every kind arrive in the database as they were, by arrays and by one document."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from service_kit.persistence.bulk import (
    Columns,
    arrays,
    assignments,
    documents,
    insert,
    names,
    or_update,
    recordset,
    unnest,
)
from service_kit.persistence.database import Database
from service_kit.persistence.statements import Statement

pytestmark = pytest.mark.postgres

THINGS: Columns = (
    ("id", "text"),
    ("units", "bigint"),
    ("day", "date"),
    ("at", "timestamptz"),
    ("open", "boolean"),
    ("notes", "jsonb"),
)
ROWS: list[tuple[Any, ...]] = [
    (
        'it\'s a "thing"',
        2**40,
        date(2026, 5, 4),
        datetime(2026, 5, 4, 10, 0, 0, 123456, tzinfo=UTC),
        True,
        '{"a": [1]}',
    ),
    ("b", None, None, None, None, None),
    ("a,{}", -1, date(1900, 1, 1), datetime(2999, 12, 31, tzinfo=UTC), False, '"\\"quoted\\""'),
]
_READ = Statement("SELECT id, units, day, at, open, notes::text AS notes FROM thing ORDER BY made")


@pytest.fixture
async def things(database: Database) -> Database:
    columns = ", ".join(f"{name} {kind}" for name, kind in THINGS)
    async with database.transaction() as conn:
        await conn.execute(text("DROP TABLE IF EXISTS thing"))
        await conn.execute(
            text(f"CREATE TABLE thing ({columns}, made int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (id))")
        )
    return database


async def stored(database: Database) -> list[tuple[Any, ...]]:
    async with database.transaction() as conn:
        return [tuple(row) for row in await _READ.within(conn, {})]


async def test_rows_of_arrays_are_stored_as_they_were(things: Database) -> None:
    async with things.transaction() as conn:
        await Statement(insert("thing", THINGS)).within(conn, arrays(THINGS, ROWS))
        await Statement(insert("thing", THINGS)).within(conn, arrays(THINGS, []))
    assert await stored(things) == ROWS


async def test_rows_of_a_document_are_stored_as_they_were(things: Database) -> None:
    add = Statement(f"INSERT INTO thing ({names(THINGS)}) SELECT {names(THINGS)} FROM {recordset(THINGS, 'r', 'rows')}")
    async with things.transaction() as conn:
        await add.within(conn, {"rows": documents(THINGS, ROWS)})
        await add.within(conn, {"rows": documents(THINGS, [])})
    assert await stored(things) == ROWS


async def test_the_same_statements_run_through_sqlalchemy(things: Database) -> None:
    async with things.transaction() as conn:
        await conn.execute(text(insert("thing", THINGS)), arrays(THINGS, ROWS))
    assert await stored(things) == ROWS


async def test_rows_that_are_there_are_updated_and_rows_keep_their_order(things: Database) -> None:
    columns = THINGS[:2]
    set_units = Statement(
        f"UPDATE thing SET {assignments(columns[1:], 'n')} FROM {unnest(columns, 'n')} WHERE thing.id = n.id"
    )
    in_order = Statement(f"SELECT id FROM {unnest(columns, 'n', position=True)} ORDER BY position DESC")
    async with things.transaction() as conn:
        await Statement(insert("thing", columns)).within(conn, arrays(columns, [("a", 1), ("b", 1), ("c", 1)]))
        await set_units.within(conn, arrays(columns, [("a", 2)]))
        await Statement(insert("thing", columns, or_update(columns, 1))).within(
            conn, arrays(columns, [("b", 3), ("d", 4)])
        )
        assert [row["id"] for row in await in_order.within(conn, arrays(columns, [("x", 0), ("y", 0)]))] == ["y", "x"]
    assert [row[:2] for row in await stored(things)] == [("a", 2), ("b", 3), ("c", 1), ("d", 4)]
