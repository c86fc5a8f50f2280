"""Runs over HTTP on a real database: committed as previewed, or refused."""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from tests.integration.allocation.run_client import Client, segment, shop

from allocation_service.domain.policies.policy import Ageing, Holdback, Policy, Share, Sort
from allocation_service.domain.runs.run import LeftAlone


async def test_a_committed_run_equals_its_preview_and_the_order_service_hears(world: Any, client: Client) -> None:
    await shop(world)
    run = await client.preview(segment("win", tiers=["gold"]), segment("redistribute"))
    answer = await client.commit(run)
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert (done["status"], done["closed_by"]) == ("committed", done["created_by"])
    for line in await client.lines(run):
        row = await world.line(line["line_id"])
        assert row.granted_units == line["new"]
        if row.waiting:
            assert row.promise_date.isoformat() == line["promise_after"]
    told = {event.payload.order_id: event for event in await world.published()}
    assert {name: event.name for name, event in told.items()} == {
        "new": "BackorderAllocated", "old": "AllocationReleased", "mid": "AllocationReleased",
    }  # fmt: skip
    assert all(event.causation_id == run["run_id"] for event in told.values())
    assert told["old"].payload.lines[0].allocated == {"HH": 1}
    decision = (await client.get(f"/v1/decisions/{done['decision_id']}")).json()
    assert (decision["cause"], decision["cause_type"]) == (run["run_id"], "Run")
    assert [line["granted"] for line in decision["lines"]] == [4, -2, -2]
    why = await client.get("/v1/demands/old-1/why")
    assert why.status_code == 200, why.text
    assert "taken back by a run: redistribute" in why.text
    await world.check()


async def test_committing_again_does_nothing(world: Any, client: Client) -> None:
    await shop(world)
    run = await client.preview(segment("win", tiers=["gold"]), segment("redistribute"))
    first = (await client.commit(run)).json()
    await world.published()
    assert (await client.commit(run)).json() == first
    assert await world.published() == []


async def test_a_run_whose_inputs_changed_is_refused_and_says_what_changed(world: Any, client: Client) -> None:
    await shop(world)
    run = await client.preview(segment("win", tiers=["gold"]), segment("redistribute"))
    await world.apply(world.order("newest", ("A", 1))[1])
    before = await world.granted("old-1", "mid-1", "new-1", "newest-1")
    await world.published()
    answer = await client.commit(run)
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "run_inputs_changed"
    assert [one["sku"] for one in problem["changed_skus"]] == ["A"]
    assert "the demand that takes part" in problem["changed_skus"][0]["change"]
    assert problem["changed_lines"] == [{"line_id": "newest-1", "sku": "A", "change": "takes part now"}]
    assert await world.granted("old-1", "mid-1", "new-1", "newest-1") == before
    assert await world.published() == []
    again = (await client.get(f"/v1/runs/{run['run_id']}")).json()
    assert (again["status"], again["changes"]["changed_lines"]) == ("refused", problem["changed_lines"])
    assert (await client.commit(run)).json()["code"] == "run_inputs_changed"


async def test_changed_stock_is_named_as_such(world: Any, client: Client) -> None:
    await shop(world)
    run = await client.preview(segment("win", tiers=["gold"]), segment("redistribute"))
    await world.apply(world.inbound("A", "q", 10, world.now + timedelta(days=4)))
    problem = (await client.commit(run)).json()
    assert problem["changed_skus"][0]["change"].startswith("its stock, policy or next delivery and what is promised")
    assert problem["changed_lines"] == []


async def test_events_about_other_skus_do_not_stand_in_the_way(world: Any, client: Client) -> None:
    await shop(world)
    run = await client.preview(segment("win", tiers=["gold"], skus=["A"]), segment("redistribute", skus=["A"]))
    await world.apply(world.sku("B"), world.stock("B", 1), world.order("else", ("B", 2))[1])
    assert (await client.commit(run)).status_code == 200


async def test_pinned_lines_are_left_alone(world: Any, client: Client) -> None:
    await shop(world)
    pin = "/v1/demands/old-1/pin"
    assert (await client.get(pin)).status_code == 404
    assert (await client.put(pin, json={"reason": "agreed on the phone"})).json()["reason"] == "agreed on the phone"
    run = await client.preview(segment("win", tiers=["gold"]), segment("redistribute"))
    lines = {line["line_id"]: line for line in await client.lines(run)}
    assert (lines["old-1"]["new"], lines["new-1"]["new"]) == (3, 2)
    assert [line["line_id"] for line in await client.lines(run, change="left_alone")] == ["old-1"]
    [exception] = await client.lines(run, change="exceptions")
    assert (exception["line_id"], exception["exception_code"]) == ("new-1", "short_and_late")
    assert (await client.delete(pin)).status_code == 204
    assert (await client.delete(pin)).status_code == 404
    assert (await client.commit(run)).json()["code"] == "run_inputs_changed"
    assert (await client.put("/v1/demands/unknown/pin", json={"reason": "x"})).status_code == 404


async def test_shipped_units_never_move(world: Any, client: Client) -> None:
    await world.apply(world.sku("A"), world.stock("A", 5))
    order, event = world.order("old", ("A", 5), tier="standard")
    await world.apply(event)
    await world.apply(world.ship(order, 1, 2), world.stock("A", 0, shipped=2))
    await world.apply(world.order("new", ("A", 9), tier="gold")[1])
    run = await client.preview(segment("win", tiers=["gold"]), segment("lose"))
    lines = {line["line_id"]: line for line in await client.lines(run)}
    assert [(lines["old-1"][name]) for name in ("requested", "confirmed", "new")] == [3, 3, 0]
    assert lines["new-1"]["new"] == 3
    assert (await client.commit(run)).status_code == 200
    assert await world.granted("old-1", "new-1") == [2, 3]
    await world.check()


async def test_what_a_run_leaves_free_goes_to_those_who_wait(world: Any, client: Client) -> None:
    await shop(world)
    run = await client.preview(segment("lose", tiers=["standard", "silver"]))
    assert run["summary"]["left_free"] == 5
    assert (await client.commit(run)).status_code == 200
    # The queue is first come first served: those who lost still stand where they stood.
    assert await world.granted("old-1", "mid-1", "new-1") == [3, 2, 0]
    await world.check()


async def test_orders_that_ship_complete_are_moved_whole(world: Any, client: Client) -> None:
    await world.apply(world.sku("A"), world.stock("A", 4), world.sku("B"), world.stock("B", 2))
    await world.apply(world.order("parts", ("A", 3), tier="standard")[1])
    await world.apply(world.order("whole", ("A", 2), ("B", 2), tier="gold", ship_complete=True)[1])
    assert await world.granted("parts-1", "whole-1", "whole-2") == [3, 0, 0]
    run = await client.preview(segment("win", tiers=["gold"]), segment("redistribute"))
    assert {line["line_id"]: line["new"] for line in await client.lines(run)} == {
        "whole-1": 2, "whole-2": 2, "parts-1": 2,
    }  # fmt: skip
    assert (await client.commit(run)).status_code == 200
    assert await world.granted("parts-1", "whole-1", "whole-2") == [2, 2, 2]
    await world.check()


async def test_a_commit_beside_a_decision_about_the_same_sku_is_done_before_it_or_refused(
    world: Any, client: Client
) -> None:
    await shop(world)
    for number in range(6):
        run = await client.preview(segment("redistribute"))
        sale = world.apply(world.order(f"beside {number}", ("A", 1))[1])
        answer, _ = await asyncio.gather(client.commit(run), sale)
        assert answer.status_code in (200, 409), answer.text
        status = (await client.get(f"/v1/runs/{run['run_id']}")).json()["status"]
        assert status == ("committed" if answer.status_code == 200 else "refused")
        await world.check()


async def test_while_an_order_of_its_skus_is_decided_by_itself_a_run_waits(world: Any, client: Client) -> None:
    await world.apply(world.sku("A"), world.stock("A", 1), world.sku("B"), world.stock("B", 1))
    await world.apply(world.order("held", ("A", 1))[1])
    await world.apply(world.order("whole", ("A", 1), ("B", 1), ship_complete=True)[1])
    await world.apply(world.order("parts", ("A", 1))[1])
    await world.apply(world.stock("A", 1), deferred_orders=False)
    run = await client.preview(segment("redistribute"))
    lines = {line["line_id"]: line["note_code"] for line in await client.lines(run)}
    deferred = LeftAlone.ORDER_DEFERRED
    assert lines == {"held-1": None, "whole-1": deferred, "whole-2": deferred, "parts-1": deferred}
    assert (await client.commit(run)).json()["code"] == "run_busy"
    await world.recheck()
    assert (await client.commit(run)).json()["code"] == "run_inputs_changed"
    assert await world.granted("whole-1", "whole-2", "parts-1") == [1, 1, 0]


POLICIES = (
    Policy(),
    Policy(sort=Sort.PRIORITY, protect_promises=False),
    Policy(sort=Sort.VALUE_INDEX, holdback=Holdback(max_units=2), ageing=Ageing(3, 20)),
    Policy(share=Share.MAX_MIN, bypass_limit=1),
)


@pytest.mark.parametrize("policy", POLICIES, ids=("plain", "priority", "held back", "shared"))
async def test_random_runs_commit_as_previewed_and_leave_every_invariant_standing(
    world: Any, client: Client, policy: Policy
) -> None:
    random, compared = Random(7), 0
    await world.use(policy)
    for sku in ("A", "B"):
        await world.apply(world.sku(sku), world.stock(sku, 9), world.stock(sku, 4, "MU", priority=50))
        for days, units in ((3, 4), (6, 5), (12, 8), (20, 30)):
            await world.apply(world.inbound(sku, f"p{sku}{days}", units, world.now + timedelta(days=days)))
    strategies = ("win", "gain", "improve", "redistribute", "fill", "lose", "skip")
    for number in range(18):
        lines = [(random.choice("AB"), random.randint(1, 4)) for _ in range(random.randint(1, 2))]
        more = {"tier": random.choice(("gold", "silver", "standard")), "ship_complete": random.random() < 0.3}
        await world.apply(world.order(f"o{number:02}", *lines, **more)[1])
        if number % 3:
            continue
        segments = [segment(random.choice(strategies), tiers=[tier]) for tier in ("gold", "silver", "standard")]
        segments = [{**one, "name": str(n), "sort": random.choice(("fifo", "priority", "earliest_due", "value_index"))}
                    for n, one in enumerate(segments)]  # fmt: skip
        run = await client.preview(*segments)
        before = {row.line_id: row for row in await world.rows("SELECT * FROM demand")}
        answer = await client.commit(run)
        assert answer.status_code == 200, answer.text
        done = (await client.get(f"/v1/decisions/{answer.json()['decision_id']}", params={"limit": 500})).json()
        made = {line["line_id"]: line["granted"] for line in done["lines"]}
        planned = {line["line_id"]: line["change"] for line in await client.lines(run) if not line["note"]}
        skipped = {line["line_id"] for line in await client.lines(run) if line["strategy"] == "skip"}
        assert made == {line_id: change for line_id, change in planned.items() if line_id not in skipped}
        if not run["summary"]["left_free"]:
            for line in await client.lines(run):
                row = await world.line(line["line_id"])
                assert row.granted_units - before[line["line_id"]].granted_units == line["change"]
                compared += bool(line["change"])
                if row.waiting:
                    assert (row.promise_date and row.promise_date.isoformat()) == line["promise_after"]
        await world.recheck()
        await world.check()
    assert compared
