"""Runs over HTTP say what they cannot do, and how far they are, in the caller's language and as codes."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from allocation_service.adapters.runs import sql_run_source

GERMAN = {"Accept-Language": "de"}
WINNERS = {"name": "winners", "segments": [{"name": "all", "strategy": "win"}]}


async def preview(client: httpx.AsyncClient, body: dict[str, Any] = WINNERS) -> dict[str, Any]:
    answer = await client.post("/v1/runs", json=body, headers={"Idempotency-Key": "once", **GERMAN})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Content-Language"] == "de"
    run: dict[str, Any] = answer.json()
    return run


async def exception(client: httpx.AsyncClient, run: dict[str, Any], **headers: str) -> tuple[Any, ...]:
    page = await client.get(f"/v1/runs/{run['run_id']}/lines", params={"change": "exceptions"}, headers=headers)
    [line] = page.json()["data"]
    return line["exception"], line["exception_code"], line["exception_parameters"]


async def test_what_a_run_cannot_do_is_said_in_the_callers_language_and_as_a_code(
    world: Any, client: httpx.AsyncClient
) -> None:
    due, delivery = world.now + timedelta(days=5), world.now + timedelta(days=9)
    await world.apply(world.sku("A"), world.stock("A", 1), world.inbound("A", "p", 10, delivery))
    await world.apply(world.order("o", ("A", 3), needed_by=due.date())[1])
    run = await preview(client)
    english, code, parameters = await exception(client, run)
    assert code == "short_and_late"
    assert parameters == {
        "confirmed": 1, "requested": 3, "expected": delivery.date().isoformat(), "due": due.date().isoformat(),
    }  # fmt: skip
    assert english == f"1 of 3 confirmed, the rest comes on {delivery.date()} instead of by {due.date()}"
    german = f"1 von 3 bestätigt, der Rest kommt am {delivery.date()} statt bis {due.date()}"
    assert await exception(client, run, **GERMAN) == (german, code, parameters)


async def test_progress_is_said_in_the_callers_language_and_as_a_code(world: Any, client: httpx.AsyncClient) -> None:
    await world.apply(world.sku("A"), world.order("o", ("A", 3))[1])
    run = await preview(client)
    assert (run["progress"], run["progress_code"], run["progress_parameters"]) == ("fertig", "done", {})
    url = f"/v1/runs/{run['run_id']}"
    assert (await client.get(url)).json()["progress"] == "done"
    [listed] = (await client.get("/v1/runs", headers=GERMAN)).json()["data"]
    assert (listed["progress"], listed["progress_code"]) == ("fertig", "done")
    committed = (await client.post(f"{url}/commit", headers=GERMAN)).json()
    assert (committed["status"], committed["progress"]) == ("committed", "fertig")


async def test_a_run_about_too_much_says_how_much_there_may_be(
    world: Any, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_run_source, "MAX_DEMANDS", 1)
    await world.apply(world.sku("A"), world.order("o", ("A", 3), ("A", 1))[1])
    run = await preview(client)
    assert (run["status"], run["progress_code"]) == ("failed", "too_many_demands")
    assert run["progress_parameters"] == {"limit": 250_000}
    assert run["progress"] == "Mehr als 250.000 Positionen: jedes Segment soll SKUs oder Aufträge nennen."


async def test_runs_that_were_stored_in_english_are_shown_as_those_of_today(
    world: Any, client: httpx.AsyncClient
) -> None:
    await world.apply(world.sku("A"), world.order("o", ("A", 3))[1])
    run = await preview(client)
    async with world.database.transaction() as conn:
        await conn.execute(text("UPDATE run SET progress = 'storing 1200 lines'"))
        await conn.execute(text("UPDATE run_line SET exception = '0 of 3 confirmed, no date for the rest'"))
    parameters = {"confirmed": 0, "requested": 3}
    assert await exception(client, run, **GERMAN) == (
        "0 von 3 bestätigt, kein Termin für den Rest", "short_without_date", parameters,
    )  # fmt: skip
    shown = (await client.get(f"/v1/runs/{run['run_id']}", headers=GERMAN)).json()
    assert (shown["progress"], shown["progress_parameters"]) == ("gespeichert wird: 1.200 Positionen", {"lines": 1200})
