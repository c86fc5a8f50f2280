"""What policies went by is forgotten once nothing asks for it any more, in small steps."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from allocation_service.adapters.maintenance.sql_input_retention import SqlInputRetention
from allocation_service.adapters.store.sql_allocation_store import SqlAllocationStore
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.policies.policy import Holdback, Policy
from allocation_service.domain.supply.lateness import WINDOW_DAYS
from allocation_service.entrypoints.background.retention import RetentionLoop
from service_kit.testing import FakeClock


def retention(world: Any, *, ahead: int = 0, **more: Any) -> RetentionLoop:
    return RetentionLoop(world.application(FakeClock(world.now + timedelta(days=ahead)), **more))


async def remember_demand(world: Any, sku: str, *days_ago: int) -> None:
    async with world.database.transaction() as conn:
        await conn.execute(
            text(
                "INSERT INTO demand_day"
                " SELECT :sku, CAST(:today AS date) - ago, 0, 1 FROM unnest(CAST(:ago AS int[])) AS ago"
            ),
            {"sku": sku, "today": world.now.date(), "ago": list(days_ago)},
        )


async def forget_all(forget: Any) -> list[int]:
    forgotten = []
    while not (step := await forget()).done:
        forgotten.append(step.lines)
    return forgotten


async def demand_days(world: Any) -> list[tuple[str, int]]:
    rows = await world.rows("SELECT sku, day FROM demand_day ORDER BY sku, day DESC")
    return [(row.sku, (world.now.date() - row.day).days) for row in rows]


async def test_demand_is_forgotten_that_no_holdback_looks_at_any_more(world: Any) -> None:
    await world.use(Policy(holdback=Holdback()))
    await world.apply(world.sku("A"), world.sku("B"))
    await remember_demand(world, "A", 10, 90, 91, 400)
    await remember_demand(world, "B", 10, 91)
    # C is half a year ahead of the others, whose time stands still until they hear of something: old orders, replayed.
    world.later(days=180)
    await world.apply(world.sku("C"))
    await remember_demand(world, "C", 80, 90, 91)
    await forget_all(retention(world, ahead=1000, demand_retention_days=90).forget_demand_once)
    assert await demand_days(world) == [("A", 190), ("A", 270), ("B", 190), ("C", 80), ("C", 90)]
    await world.apply(world.sku("A"))
    await forget_all(retention(world).forget_demand_once)
    assert await demand_days(world) == [("B", 190), ("C", 80), ("C", 90)]


async def test_demand_is_forgotten_in_small_steps_that_wait_for_no_decision(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"))
    await remember_demand(world, "A", *range(200, 207))
    await remember_demand(world, "B", 200)
    after, removed = "", []
    async with world.database.transaction() as deciding:
        await deciding.execute(text("UPDATE demand_day SET units = units + 1 WHERE sku = 'B'"))
        while True:
            async with world.database.transaction() as conn:
                await conn.execute(text("SET LOCAL lock_timeout = '5s'"))
                step = await SqlInputRetention(conn).forget_demand(90, after, skus=1, lines=3)
            removed.append(step.lines)
            if step.done:
                break
            after = step.reached
    assert (max(removed), sum(removed)) == (3, 7)
    assert await demand_days(world) == [("B", 200)]


async def test_deliveries_are_forgotten_that_no_loan_is_judged_by_any_more(world: Any) -> None:
    await world.apply(world.sku("A"))
    await world.remember_deliveries(first=1, last=1)
    await world.remember_deliveries(first=WINDOW_DAYS, last=WINDOW_DAYS + 2)
    async with world.database.transaction() as conn:
        # Not over yet: goods may still come, and its line may be announced anew.
        await conn.execute(
            text("INSERT INTO inbound_lateness (po_line, supplier, eta, lead_from) VALUES ('open', 'S', :eta, 60)"),
            {"eta": world.now.date() - timedelta(days=WINDOW_DAYS + 2)},
        )
    chosen = {"delivery_retention_days": WINDOW_DAYS}
    before = await evidence(world)
    assert before == (2, 1)
    # The wall clock stands far ahead of what is replayed.
    assert await forget_all(retention(world, ahead=1000, **chosen).forget_deliveries_once) == [2]
    assert await evidence(world) == before
    left = [row.po_line for row in await world.rows("SELECT po_line FROM inbound_lateness ORDER BY eta DESC, po_line")]
    assert left == ["h1", f"h{WINDOW_DAYS}", "open"]
    # One event from the future is no reason to forget what is judged by today.
    async with world.database.transaction() as conn:
        await conn.execute(text("UPDATE sku SET last_now = last_now + interval '4000 days'"))
    assert await forget_all(retention(world, **chosen).forget_deliveries_once) == []


async def evidence(world: Any) -> tuple[int, int]:
    """Observations today, and on the day after."""
    found = []
    today: date = world.now.date()
    for day in (today, today + timedelta(days=1)):
        session = AllocationSession()
        async with world.database.reading() as conn:
            await SqlAllocationStore(conn).load_evidence(session, "S", 10, day)
        found.append(session.evidence["S", 10].own.observations)
    return found[0], found[1]
