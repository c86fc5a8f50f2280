"""Runs over HTTP on a real database: what is planned and previewed, and what a plan leaves alone."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from tests.integration.allocation.run_client import Client, segment, shop

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.runs.plan_runs import RunPlanner
from allocation_service.application.session.options import Options
from allocation_service.domain.policies.policy import Lending, Policy
from allocation_service.wording.reason_words import published_words
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory


async def test_a_preview_says_who_gains_and_who_loses_and_changes_nothing(world: Any, client: Client) -> None:
    await shop(world)
    run = await client.preview(segment("win", tiers=["gold"]), segment("redistribute"))
    lines = {line["line_id"]: line for line in await client.lines(run)}
    assert {name: (line["confirmed"], line["new"], line["change"]) for name, line in lines.items()} == {
        "new-1": (0, 4, 4), "old-1": (3, 1, -2), "mid-1": (2, 0, -2),
    }  # fmt: skip
    assert list(lines) == ["new-1", "old-1", "mid-1"]
    assert run["summary"]["gains"] == {"lines": 1, "units": 4, "value": 0}
    assert run["summary"]["losses"] == {"lines": 2, "units": 4, "value": 0}
    assert [one["losses"]["units"] for one in run["summary"]["segments"]] == [0, 4]
    assert [line["line_id"] for line in await client.lines(run, change="gains")] == ["new-1"]
    assert [line["line_id"] for line in await client.lines(run, change="losses")] == ["old-1", "mid-1"]
    assert await world.granted("old-1", "mid-1", "new-1") == [3, 2, 0]
    assert await world.published() == []


async def test_a_line_names_its_order_as_its_customer_and_the_shop_know_it(world: Any, client: Client) -> None:
    await world.apply(world.sku("A"))
    await world.apply(world.order("WEB-1", ("A", 1), ("A", 2), customer_id="c1", tier="gold")[1])
    await world.apply(world.order("WEB-2", ("A", 1))[1])
    run = await client.preview(segment("redistribute"))
    found = [
        (line["line_id"], line["reference"], line["customer_id"], line["tier"]) for line in await client.lines(run)
    ]
    assert sorted(found) == [
        ("WEB-1-1", "WEB-1", "c1", "gold"), ("WEB-1-2", "WEB-1", "c1", "gold"), ("WEB-2-1", "WEB-2", None, None),
    ]  # fmt: skip
    assert (await client.lines(run, change="changed")) == []


async def test_a_preview_expires(world: Any, client: Client) -> None:
    await shop(world)
    run = await client.preview(segment("redistribute"))
    world.clock.advance(timedelta(minutes=61))
    assert (await client.get(f"/v1/runs/{run['run_id']}")).json()["status"] == "expired"
    assert (await client.commit(run)).json()["code"] == "run_expired"


async def test_a_repeated_request_makes_no_second_run(world: Any, client: Client) -> None:
    await shop(world)
    body = {"name": "a run", "segments": [segment("redistribute")]}
    headers = {"Idempotency-Key": "once"}
    first = await client.post("/v1/runs", json=body, headers=headers)
    again = await client.post("/v1/runs", json=body, headers=headers)
    assert (first.json(), again.headers["Idempotent-Replayed"]) == (again.json(), "true")
    assert first.headers["Location"] == f"/v1/runs/{first.json()['run_id']}"
    other = await client.post("/v1/runs", json={**body, "name": "another"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert [one["run_id"] for one in (await client.get("/v1/runs")).json()["data"]] == [first.json()["run_id"]]


async def test_segments_of_one_name_are_refused_by_name(client: Client) -> None:
    body = {"name": "x", "segments": [segment("win"), segment("win")]}
    answer = await client.post("/v1/runs", json=body, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/segments/1/name")


async def test_a_run_that_was_not_planned_is_taken_up_again_by_another_process(world: Any, client: Client) -> None:
    await shop(world)
    run = await client.preview(segment("redistribute"))
    async with world.database.transaction() as conn:
        await conn.execute(text("DELETE FROM run_line"))
        await conn.execute(text("DELETE FROM run_sku"))
        await conn.execute(text("UPDATE run SET status = 'planning', taken_at = now() - interval '2 minutes'"))
    assert (await client.commit(run)).json()["code"] == "run_not_previewed"

    async def now() -> Any:
        return world.now

    units = SqlUnitOfWorkFactory(world.database, SqlAllocationUnitOfWork, world.clock)
    planner = RunPlanner(units, Options(published_words), now, timedelta(hours=1))
    assert await planner.plan_stale()
    assert not await planner.plan_stale()
    assert (await client.get(f"/v1/runs/{run['run_id']}")).json()["status"] == "previewed"
    assert len(await client.lines(run)) == 3


async def test_lines_that_lent_or_borrowed_are_left_alone(world: Any, client: Client) -> None:
    await world.use(Policy(lending=Lending()))
    await world.remember_deliveries()
    await world.apply(world.sku("A"), world.stock("A", 5))
    for name, units, days in (("late", 5, 40), ("now", 3, 2)):
        needed_by = (world.now + timedelta(days=days)).date()
        await world.apply(world.order(name, ("A", units), needed_by=needed_by)[1])
        await world.apply(world.inbound("A", "po", 20, world.now + timedelta(days=10)))
    assert len(await world.rows("SELECT * FROM loan WHERE closed_at IS NULL")) == 1
    run = await client.preview(segment("lose"))
    words = "it has lent or borrowed units that are to be repaid"
    assert {line["line_id"]: (line["note"], line["note_code"]) for line in await client.lines(run)} == {
        "late-1": (words, "in_loan"),
        "now-1": (words, "in_loan"),
    }


async def test_a_run_whose_data_make_planning_fail_is_given_up_and_others_are_planned(
    world: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop(world)
    runs = [await client.preview(segment("redistribute")) for _ in range(2)]
    async with world.database.transaction() as conn:
        await conn.execute(text("DELETE FROM run_line"))
        await conn.execute(text("DELETE FROM run_sku"))
        await conn.execute(text("UPDATE run SET status = 'planning', taken_at = now() - interval '2 minutes'"))
    broken = runs[0]["run_id"]
    genuine = RunPlanner._work_out

    def work_out(planner: RunPlanner, run: Any, *others: Any) -> Any:
        if run.run_id == broken:
            raise ValueError("cannot be planned")
        return genuine(planner, run, *others)

    monkeypatch.setattr(RunPlanner, "_work_out", work_out)

    async def now() -> Any:
        return world.now

    units = SqlUnitOfWorkFactory(world.database, SqlAllocationUnitOfWork, world.clock)
    planner = RunPlanner(units, Options(published_words), now, timedelta(hours=1))
    while await planner.plan_stale():
        pass
    found = [(await client.get(f"/v1/runs/{run['run_id']}")).json()["status"] for run in runs]
    assert found == ["failed", "previewed"]
