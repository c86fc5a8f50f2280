"""Asserting invariants: what fails, what is left out, and what is shown of a failure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import text

from service_kit.persistence.database import Database
from service_kit.persistence.invariant import Invariant, Violation
from service_kit.persistence.untidy_names import names_query
from service_kit.runtime.names import in_one_form
from service_kit.testing.invariants import assert_invariants

HOLDS = Invariant("holds", "Nothing is wrong; otherwise something is.", "SELECT 1 AS number WHERE false")
BROKEN = Invariant("broken", "Numbers are even; otherwise they are odd.", "SELECT 7 AS number")


async def test_invariants_without_violations_hold(database: Database) -> None:
    await assert_invariants(database, [HOLDS])


async def test_a_violation_is_shown_with_its_columns_and_the_meaning(database: Database) -> None:
    with pytest.raises(AssertionError, match=r"broken: \[\{'number': 7\}\]\n  Numbers are even; otherwise"):
        await assert_invariants(database, [HOLDS, BROKEN])


async def test_what_holds_only_at_rest_is_left_out_where_events_are_under_way(database: Database) -> None:
    later = Invariant(BROKEN.name, BROKEN.meaning, BROKEN.sql, only_at_rest=True)
    await assert_invariants(database, [later], at_rest=False)
    with pytest.raises(AssertionError, match="broken"):
        await assert_invariants(database, [later])


async def test_a_name_that_is_not_in_one_form_is_found_with_what_it_becomes_and_its_twin(database: Database) -> None:
    stored = ["LAMP 4", "LAMP\u30004", "\u00a0Cafe\u0301\u2003", " a", "b\u200b", "c"]
    async with database.transaction() as conn:
        await conn.execute(text("CREATE TEMPORARY TABLE thing (name text)"))
        await conn.execute(text("INSERT INTO thing VALUES (:name)"), [{"name": name} for name in stored])
        found = (await conn.execute(text(names_query("thing", "thing", "name")))).all()
        await conn.execute(text("DROP TABLE thing"))
    untidy = [name for name in stored if in_one_form(name) != name]
    expected = {(name, in_one_form(name), name == stored[1]) for name in untidy} | {("b\u200b", "b\u200b", False)}
    assert {(row.name, row.becomes, row.twin) for row in found} == expected


async def test_rows_that_are_not_confirmed_are_no_violations(database: Database) -> None:
    async def above_eight(_: Database, rows: Sequence[Violation]) -> Sequence[Violation]:
        return [row for row in rows if row["number"] == 9]

    sql = "SELECT number FROM (VALUES (7), (9)) v (number)"
    with pytest.raises(AssertionError, match=r"\[\{'number': 9\}\]"):
        await assert_invariants(database, [Invariant("high", "", sql, confirm=above_eight)])
    await assert_invariants(database, [Invariant("high", "", "SELECT 7 AS number", confirm=above_eight)])
