"""Decisions that were stored before reasons had codes are explained as they were then, and can be computed again."""

import asyncio
import json
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from sqlalchemy import text
from tests.integration.allocation.stored_database import BEFORE, store_rows
from tests.scenario import KnownLevel
from typer.testing import CliRunner

from allocation_service.domain.reasons import ReasonCode
from backorder_local.cli import app

ADDED_TO_PROMISES = {
    *("backed", "latest_acceptable_date", "acceptable"),
    *("basis", "source", "confidence_percent", "table_version", "parts", "ship_by"),
}
"""What the API has told about a promise since then, besides what it told before."""


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def stored(world: Any) -> None:
    """The rows as they were: the columns that came later are empty."""
    async with world.database.transaction() as conn:
        await store_rows(conn)
        # What the migration does for promises of that time.
        for statement in import_module("allocation_service.migrations.versions.0014_claims").ROWS:
            await conn.execute(text(statement))


async def test_why_answers_as_it_did_when_reasons_were_stored_in_english(world: Any, client: httpx.AsyncClient) -> None:
    for path, answer in BEFORE["why"].items():
        # They were told by a clock that was days behind; how queues are ranked goes by the last decision.
        (sku,) = await world.rows("SELECT last_now FROM sku WHERE sku = :sku", sku=answer["sku"])
        as_of = datetime.fromisoformat(answer["as_of"])
        world.clock.set(sku.last_now if sku.last_now - as_of > timedelta(minutes=15) else as_of)
        found = await client.get(path)
        assert found.status_code == 200, found.text
        why = found.json()
        added = why["promise"].keys() - answer["promise"].keys() if answer["promise"] else set()
        assert added <= ADDED_TO_PROMISES
        for name in added:
            del why["promise"][name]
        assert why | {"as_of": answer["as_of"]} == answer
        assert found.headers["Content-Language"] == "en"


async def test_decisions_say_what_they_said_when_reasons_were_stored_in_english(client: httpx.AsyncClient) -> None:
    for path, answer in BEFORE["decisions"].items():
        found = (await client.get(path, params={"limit": 100})).json()
        lines = [
            {name: line[name] for name in ("step", "rank", "line_id", "reason", "words")} for line in found["lines"]
        ]
        assert lines == answer["lines"]
        assert json.dumps(found["summary"]) == json.dumps(answer["summary"])


async def test_decisions_with_english_reasons_are_computed_again(world: Any, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    given = ["replay-decisions", "--database-url", world.database.url, "--json", str(file)]
    result = await asyncio.to_thread(CliRunner().invoke, app, given)
    figures = json.loads(file.read_text())
    assert (result.exit_code, figures["different"]) == (0, 0), result.output
    assert figures["compared"] == figures["identical"] > 40
    assert await world.replays() == []


async def test_nothing_that_was_stored_is_left_unrecognised(client: httpx.AsyncClient) -> None:
    german = {"Accept-Language": "de-DE, en;q=0.5"}
    for path, answer in BEFORE["why"].items():
        found = await client.get(path, headers=german)
        told = found.json()
        assert found.headers["Content-Language"] == "de"
        assert "Accept-Language" in found.headers["Vary"]
        assert told["summary"] != answer["summary"]
        for one, before in zip(told["decisions"], answer["decisions"], strict=True):
            assert one["reason"] != before["reason"]
            assert one["words"] != before["words"]
    for path, answer in BEFORE["decisions"].items():
        told = (await client.get(path, params={"limit": 100}, headers=german)).json()
        for one, before in zip(told["lines"], answer["lines"], strict=True):
            assert one["reason"] != before["reason"]
        if answer["summary"] and answer["summary"].get("reasons"):
            assert sum(told["summary"]["reasons"].values()) == sum(answer["summary"]["reasons"].values())
            assert not set(told["summary"]["reasons"]) & set(answer["summary"]["reasons"])


async def test_a_line_of_before_is_decided_about_on_from_there_and_stored_with_a_code(world: Any) -> None:
    (before,) = await world.rows("SELECT reason, reason_code FROM demand WHERE line_id = 'o2-1'")
    assert (before.reason, before.reason_code) == ("partly: supply ran out", None)
    world.clock.set(datetime.fromisoformat(BEFORE["now"]))
    world.counters["level", "A", "HH"] = 100
    world.levels["A", "HH"] = KnownLevel(on_hand=1)
    told = await world.apply(world.stock("A", 5))
    (line,) = [line for event in told for line in event.payload.lines if line.line_id == "o2-1"]
    assert (line.reason, line.reason_code, line.reason_parameters) == ("granted", "granted", None)
    (after,) = await world.rows("SELECT reason, reason_code, reason_parameters FROM demand WHERE line_id = 'o2-1'")
    assert (after.reason, after.reason_code, after.reason_parameters) == ("", "granted", None)
    assert {row.reason_code for row in await world.rows("SELECT reason_code FROM decision_line WHERE reason = ''")} <= {
        code.value for code in ReasonCode
    }
    assert await world.replays() == []


async def test_a_line_of_before_that_is_not_decided_about_anew_is_told_with_a_code(world: Any) -> None:
    """Its promise moves; the reason is read from the text that it has."""
    (row,) = await world.rows("SELECT reason FROM demand WHERE line_id = 'mid-1'")
    world.clock.set(datetime.fromisoformat(BEFORE["now"]))
    world.counters["purchase-order line", "po-q"] = 100
    told = await world.apply(world.inbound("Q", "po-q", 10, world.now + timedelta(days=40)))
    (line,) = [line for event in told for line in event.payload.lines if line.line_id == "mid-1"]
    assert (line.reason, line.reason_code) == (row.reason, "taken_back_by_run")
    assert line.reason_parameters == {"strategy": "redistribute"}
