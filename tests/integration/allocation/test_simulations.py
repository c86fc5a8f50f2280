"""Simulations over HTTP: asked for, run in a process of their own, done or failed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from allocation_service.config import AllocationSettings
from allocation_service.entrypoints.background.simulation_runner import SimulationRunner
from allocation_service.entrypoints.service import build
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app

SMALL = {"policies": ["priority"], "scenarios": ["severe"], "seeds": 2, "skus": 2, "days": 42}


@pytest_asyncio.fixture(loop_scope="session")
async def client(world: Any, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    keyring = tmp_path / "keyring.json"
    key, _ = Keyring(keyring).create_key("test", sorted(SCOPES))
    settings = AllocationSettings(
        database_url=world.database.url, keyring_path=keyring, kafka_bootstrap="127.0.0.1:1", rate_limit=""
    )
    app = create_app(build(settings, database=world.database))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://test", headers=headers
    ) as opened:
        yield opened


async def _ask(client: httpx.AsyncClient, body: dict[str, Any], key: str = "k1") -> httpx.Response:
    return await client.post("/v1/simulations", json=body, headers={"Idempotency-Key": key})


def _runner(world: Any, code: str) -> SimulationRunner:
    return SimulationRunner(world.units, asyncio.Event(), worker=(sys.executable, "-c", code))


async def test_a_simulation_is_accepted_run_and_answered_with_its_figures(
    world: Any, client: httpx.AsyncClient
) -> None:
    accepted = await _ask(client, SMALL)
    assert (accepted.status_code, accepted.json()["status"]) == (202, "queued")
    where = accepted.headers["Location"]
    assert await SimulationRunner(world.units, asyncio.Event()).run_once(asyncio.Event())
    done = (await client.get(where)).json()
    assert (done["status"], done["progress"]) == ("done", {"worlds_done": 2, "worlds": 2})
    figures = {(row["policy"], row["figure"]): row for row in done["rows"]}
    cost = figures["priority", "cost_vs_fifo"]
    assert cost["ci_low"] <= cost["value"] <= cost["ci_high"]
    assert figures["fifo", "cost_vs_fifo"]["value"] == 0.0
    listed = (await client.get("/v1/simulations")).json()["data"]
    assert [one["simulation_id"] for one in listed] == [done["simulation_id"]]


async def test_the_same_key_gives_the_same_simulation_and_another_body_is_refused(client: httpx.AsyncClient) -> None:
    first = await _ask(client, SMALL)
    again = await _ask(client, SMALL)
    assert again.headers["Location"] == first.headers["Location"]
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    other = await _ask(client, SMALL | {"seeds": 3})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"policies": ["best"]}, "/policies/0"),
        ({"seeds": 0}, "/seeds"),
        ({"seeds": 200, "skus": 100, "days": 365}, "/seeds"),
        ({"scenarios": ["mild"]}, "/scenarios/0"),
        ({"documents": {"mine": {"bypass_limit": -1}}}, "/documents/mine/bypass_limit"),
        ({"documents": {"mine": {"sorted": "fifo"}}}, "/documents/mine/sorted"),
        ({"documents": {"mine": {"ageing": {"step_days": 9}}}}, "/documents/mine/ageing/max_days"),
    ],
)
async def test_what_cannot_be_simulated_is_refused_and_the_field_named(
    client: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    answer = await _ask(client, SMALL | change)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await client.get("/v1/simulations")).json()["data"] == []


async def test_tiers_that_are_not_simulated_are_told_of(client: httpx.AsyncClient) -> None:
    def tiers(*names: str) -> list[dict[str, Any]]:
        return [{"name": name, "weight": 1, "patience_days": 9, "due_days": 9} for name in names]

    documents = {
        "mine": {"tiers": tiers("platinum", "gold", "silver", "standard")},
        "same": {"tiers": tiers("gold", "silver", "bronze")},
        "none": {"tiers": None},
    }
    asked = await _ask(client, SMALL | {"documents": documents})
    assert asked.status_code == 202, asked.text
    (warning,) = asked.json()["warnings"]
    assert warning["pointer"] == "/request/documents/mine/tiers"
    assert "The simulated tiers are gold, silver, bronze." in warning["detail"]


async def test_a_simulation_whose_process_dies_has_failed(world: Any, client: httpx.AsyncClient) -> None:
    where = (await _ask(client, SMALL)).headers["Location"]
    died = _runner(world, "import os,sys; sys.stdin.readline(); os.kill(os.getpid(), 9)")
    assert await died.run_once(asyncio.Event())
    found = (await client.get(where)).json()
    assert (found["status"], found["error"]) == ("failed", "The process that ran it ended with status -9.")


async def test_a_simulation_whose_service_died_is_marked_failed_by_the_next(
    world: Any, client: httpx.AsyncClient
) -> None:
    where = (await _ask(client, SMALL)).headers["Location"]
    async with world.database.transaction() as conn:
        await conn.execute(text("UPDATE simulation SET status = 'running', heartbeat_at = now() - interval '1 minute'"))
    assert not await SimulationRunner(world.units, asyncio.Event()).run_once(asyncio.Event())
    assert (await client.get(where)).json()["status"] == "failed"


async def test_a_service_that_stops_ends_the_process_and_says_so(
    world: Any, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    where = (await _ask(client, SMALL)).headers["Location"]
    started = tmp_path / "pid"
    code = f"import os,sys,pathlib; pathlib.Path({str(started)!r}).write_text(str(os.getpid())); sys.stdin.read()"
    stopping = asyncio.Event()
    running = asyncio.create_task(_runner(world, code).run_once(stopping))
    async with asyncio.timeout(20):
        while not started.exists() or not started.read_text():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.02)
    stopping.set()
    await running
    assert (await client.get(where)).json()["error"] == "The service was stopped. Ask for it again."
    assert not Path(f"/proc/{started.read_text()}").exists()


async def test_a_key_without_the_scope_may_not_simulate(world: Any, client: httpx.AsyncClient, tmp_path: Path) -> None:
    key, _ = Keyring(tmp_path / "keyring.json").create_key("reader", ["decisions:read"])
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k2"}
    assert (await client.post("/v1/simulations", json=SMALL, headers=headers)).status_code == 403
