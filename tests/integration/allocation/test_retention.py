"""Old decisions make way for a summary; those who still wait lose nothing by it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from sqlalchemy import text

from allocation_service.adapters.maintenance.sql_decision_retention import SqlDecisionRetention
from allocation_service.config import AllocationSettings
from allocation_service.entrypoints.background.retention import RetentionLoop
from allocation_service.entrypoints.service import build
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.runtime.clock import SystemClock
from service_kit.testing import FakeClock

LINES = "SELECT line_id FROM decision_line ORDER BY decision_id, step, rank"


def settings(world: Any, **more: Any) -> AllocationSettings:
    return AllocationSettings(
        database_url=world.database.url, keyring_path=Path("none"), kafka_bootstrap="127.0.0.1:1", rate_limit="", **more
    )


def retention(world: Any, **more: Any) -> RetentionLoop:
    return RetentionLoop(world.application(SystemClock(), **more))


@pytest_asyncio.fixture(loop_scope="session")
async def client(world: Any, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    keyring = tmp_path / "keyring.json"
    key, _ = Keyring(keyring).create_key("test", sorted(SCOPES))
    chosen = settings(world).model_copy(update={"keyring_path": keyring})
    app = create_app(build(chosen, clock=FakeClock(world.now), database=world.database))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://test", headers={"Authorization": f"Bearer {key}"}
    ) as opened:
        yield opened


async def age(world: Any, days: int = 500) -> None:
    """All decisions so far were recorded that long ago."""
    async with world.database.transaction() as conn:
        await conn.execute(text(f"UPDATE decision SET recorded_at = recorded_at - interval '{days} days'"))


async def summarise_all(world: Any, **more: Any) -> None:
    sweeping = retention(world, **more)
    while not (await sweeping.summarise_once()).done:
        pass
    while not (await sweeping.tidy_once()).done:
        pass


async def known_lines(world: Any) -> list[str]:
    return [row.line_id for row in await world.rows(LINES)]


async def ship_everything(world: Any, *orders: tuple[Any, int]) -> None:
    for order, units in orders:
        await world.apply(world.ship(order, 1, units))


async def test_an_old_decision_keeps_its_cause_policy_digest_and_counts(world: Any, client: httpx.AsyncClient) -> None:
    first, placed = world.order("o1", ("A", 2))
    second, placed_too = world.order("o2", ("A", 2))
    await world.apply(world.sku("A"), placed, placed_too)
    received = world.stock("A", 3)
    await world.apply(received)
    before = (await client.get("/v1/decisions", params={"sku": "A"})).json()["data"]
    await ship_everything(world, (first, 2), (second, 1))
    await world.apply(world.cancel(second, units=1))
    await age(world)
    await summarise_all(world)
    assert await known_lines(world) == []
    after = (await client.get("/v1/decisions", params={"sku": "A"})).json()["data"]
    kept = ("decision_id", "cause", "cause_type", "decided_at", "digest")
    assert [[one[name] for name in kept] for one in after] == [[one[name] for name in kept] for one in before]
    # What shipped or was cancelled moved nobody: there is nothing to summarise.
    assert {one["cause_type"] for one in after if one["summarised"]} == {"StockReceived", "OrderPlaced"}
    found = (await client.get(f"/v1/decisions/{after[0]['decision_id']}")).json()
    assert (found["cause"], found["steps"], found["lines"], found["policies"]) == (received.id, [], [], [])
    assert found["summary"] == {
        "kinds": {"fill": 1},
        "policies": [{"name": "default", "version": 1, "sort": "fifo", "steps": [0]}],
        "lines": 2,
        "granted": 3,
        "taken_back": 0,
        "reasons": {"granted": 1, "partly: supply ran out": 1},
    }
    placed_as = (await client.get(f"/v1/decisions/{after[-1]['decision_id']}")).json()["summary"]
    assert placed_as["policies"] == [{"name": "default", "version": 1, "steps": [0]}]
    await world.check()


async def test_a_line_that_still_waits_can_be_explained_for_as_long_as_it_does(
    world: Any, client: httpx.AsyncClient
) -> None:
    served, placed = world.order("o1", ("A", 2))
    waiting, placed_too = world.order("o2", ("A", 2))
    await world.apply(world.sku("A"), placed, placed_too)
    await world.apply(world.stock("A", 3))
    before = (await client.get("/v1/demands/o2-1/why")).json()
    await ship_everything(world, (served, 2))
    await age(world)
    await summarise_all(world)
    assert await known_lines(world) == ["o2-1", "o2-1"]
    after = (await client.get("/v1/demands/o2-1/why")).json()
    assert after == before
    decided = (await client.get(f"/v1/decisions/{after['decisions'][0]['decision_id']}")).json()
    (line,) = decided["lines"]
    assert (line["line_id"], line["granted"], line["reason"]) == ("o2-1", 1, "partly: supply ran out")
    assert decided["summary"]["lines"] == 2
    closed = (await client.get("/v1/demands/o1-1/why")).json()
    assert (closed["summary"], closed["decisions"]) == ("all 2 units shipped", [])
    await ship_everything(world, (waiting, 1))
    await world.apply(world.cancel(waiting, units=1))
    await summarise_all(world)
    assert await known_lines(world) == []
    await world.check()


async def test_decisions_that_are_not_old_yet_stay_whole_and_so_do_all_where_none_grow_old(world: Any) -> None:
    order, placed = world.order("o1", ("A", 1))
    await world.apply(world.sku("A"), world.stock("A", 2), placed)
    await ship_everything(world, (order, 1))
    await age(world, 399)
    await summarise_all(world)
    await age(world, 100)
    await summarise_all(world, decision_detail_days=0)
    assert await world.rows("SELECT decision_id FROM decision WHERE summary IS NOT NULL") == []
    assert await known_lines(world) == ["o1-1"]
    later, placed = world.order("o2", ("A", 1))
    await world.apply(placed)
    await ship_everything(world, (later, 1))
    await summarise_all(world)
    assert await known_lines(world) == ["o2-1"]


async def test_a_large_decision_is_summarised_in_several_small_steps(world: Any) -> None:
    orders = [world.order(f"o{n}", ("A", 1)) for n in range(7)]
    await world.apply(world.sku("A"), *[placed for _, placed in orders])
    await world.apply(world.stock("A", 7))
    await ship_everything(world, *[(order, 1) for order, _ in orders[1:]])
    await age(world)
    total = len(await known_lines(world))
    removed: list[int] = []
    while True:
        async with world.database.transaction() as conn:
            step = await SqlDecisionRetention(conn).summarise(
                datetime.now(UTC) - timedelta(days=1), decisions=3, lines=2
            )
        removed.append(step.lines)
        if step.done:
            break
    assert max(removed) == 2
    assert await known_lines(world) == ["o0-1", "o0-1"]
    assert sum(removed) == total - 2
    (counts,) = await world.rows(
        "SELECT (summary ->> 'lines')::int AS lines FROM decision WHERE cause_type = 'StockReceived'"
    )
    assert counts.lines == 7
    await world.apply(world.ship(orders[0][0], 1, 1))
    async with world.database.transaction() as conn:
        assert (await SqlDecisionRetention(conn).tidy(lines=1)).lines == 1
    async with world.database.transaction() as conn:
        assert (await SqlDecisionRetention(conn).tidy(lines=1)).lines == 1
    assert await known_lines(world) == []


async def test_summarising_waits_for_no_decision_and_no_decision_for_it(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 1), world.order("o1", ("A", 1))[1])
    await age(world)
    before = datetime.now(UTC) - timedelta(days=1)
    async with world.database.transaction() as deciding:
        await deciding.execute(text("SET LOCAL lock_timeout = '5s'"))
        await world.handle_within(deciding, [world.order("o2", ("A", 1))[1]])
        async with world.database.transaction() as summarising:
            await summarising.execute(text("SET LOCAL lock_timeout = '5s'"))
            assert (await SqlDecisionRetention(summarising).summarise(before)).decisions == 1
            await world.handle_within(deciding, [world.order("o3", ("A", 1))[1]])
            async with world.database.transaction() as another:
                assert (await SqlDecisionRetention(another).summarise(before)).done
    assert await known_lines(world) == ["o1-1", "o2-1", "o3-1"]
    await world.check()
