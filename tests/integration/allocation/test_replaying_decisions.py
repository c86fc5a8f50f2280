"""`backorder replay-decisions` on a real database."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from backorder_local.cli import app

Run = Callable[..., tuple[int, str, dict[str, Any]]]


@pytest.fixture
def run(world: Any, tmp_path: Path) -> Run:
    """Runs the command on the world's database: its exit code, what it said, and its figures."""

    def command(*options: str) -> tuple[int, str, dict[str, Any]]:
        file = tmp_path / "figures.json"
        given = ["replay-decisions", "--database-url", world.database.url, "--json", str(file), *options]
        result = CliRunner().invoke(app, given)
        return result.exit_code, result.output, json.loads(file.read_text())

    return command


async def in_thread(run: Run, *options: str) -> tuple[int, str, dict[str, Any]]:

    return await asyncio.to_thread(run, *options)


async def some_decisions(world: Any) -> None:
    first, placed = world.order("o1", ("A", 2), tier="gold")
    await world.apply(world.sku("A"), world.sku("B"), placed, world.order("o2", ("A", 2), ("B", 1))[1])
    await world.apply(world.order("o3", ("A", 1), ("B", 1), ship_complete=True)[1])
    await world.apply(world.stock("A", 3), world.stock("B", 1))
    await world.apply(world.stock("A", -2))
    await world.apply(world.cancel(first))


async def test_every_decision_follows_from_what_was_stored_with_it(world: Any, run: Run) -> None:
    await some_decisions(world)
    code, said, figures = await in_thread(run)
    assert (code, figures["different"]) == (0, 0)
    assert figures["compared"] == figures["identical"] > 5
    assert "are identical (100 %)" in said


async def test_a_grant_that_does_not_follow_is_named_and_the_command_fails(world: Any, run: Run) -> None:
    await some_decisions(world)
    async with world.database.transaction() as conn:
        chosen = (
            await conn.execute(
                text(
                    "UPDATE decision_line SET granted = granted + 1 WHERE (decision_id, step, rank) = ("
                    " SELECT decision_id, step, rank FROM decision_line WHERE granted > 0 ORDER BY 1 DESC LIMIT 1)"
                    " RETURNING decision_id, line_id"
                )
            )
        ).one()
    code, said, figures = await in_thread(run)
    assert (code, figures["different"], figures["identical"]) == (1, 1, figures["compared"] - 1)
    assert chosen.decision_id in said
    assert chosen.line_id in said
    code, _, figures = await in_thread(run, "--from", chosen.decision_id, "--to", chosen.decision_id)
    assert (code, figures["compared"]) == (1, 1)


async def test_a_limit_takes_the_newest_and_a_start_takes_the_first_from_there(world: Any, run: Run) -> None:
    await some_decisions(world)
    ids = [row.decision_id for row in await world.rows("SELECT decision_id FROM decision ORDER BY decision_id")]
    _, _, figures = await in_thread(run, "--limit", "2")
    assert [figures["first_decision"], figures["last_decision"]] == ids[-2:]
    _, _, figures = await in_thread(run, "--from", ids[1], "--limit", "2")
    assert [figures["first_decision"], figures["last_decision"]] == ids[1:3]
    code, said, figures = await in_thread(run, "--since", "2999-01-01")
    assert (code, figures["compared"], said.strip()) == (0, 0, "no decision to recompute")
