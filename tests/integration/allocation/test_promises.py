"""Promises on a real database: they slip in one statement, which moves the lines that the domain would move."""

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from allocation_service.adapters.maintenance.sql_background_work import SqlBackgroundWork
from allocation_service.adapters.store.sql_allocation_store import SqlAllocationStore
from allocation_service.application.promising.renew_passed_promises import renew_passed_promises
from allocation_service.application.session.options import Options
from allocation_service.domain.promising.promise_dates import Revision, Waiting, expected_supply, revise
from allocation_service.wording.reason_words import published_words
from service_kit.commands.execute import execute


async def test_a_passed_promise_without_supply_or_lead_time_becomes_no_date_once(world: Any) -> None:
    eta = world.now + timedelta(days=3)
    await world.apply(
        world.sku("A", lead_time_days=0), world.inbound("A", "p1", 1, eta), world.order("o1", ("A", 1))[1]
    )
    async with world.database.transaction() as conn:
        await conn.execute(text("DELETE FROM inbound"))
    now = world.later(days=4)
    for told in (1, 0):
        async with world.database.reading() as conn:
            passed = await SqlBackgroundWork(conn).skus_with_passed_promises(now.date())
        assert len(passed) == told
        await execute(world.units, renew_passed_promises, Options(published_words, grace_days=2), now)
        events = await world.published()
        assert [event.name for event in events] == ["PromiseRevised"] * told
        for event in events:
            promise = event.payload.lines[0].promise
            assert (promise.date, promise.revision, promise.cause) == (None, 2, "the promised date passed")
    assert await world.promise("o1-1") is None
    await world.check()


@pytest.mark.parametrize("seed", range(15))
async def test_the_statement_moves_the_same_lines_as_its_pure_twin(seed: int, worlds: Any) -> None:
    world, random = await worlds(), Random(seed)  # promise dates are written by hand: no invariant holds afterwards
    await world.apply(world.sku("A", lead_time_days=random.choice((0, 14))), world.sku("B"))
    waiting, others = [], {}
    for n in range(12):
        together = n % 4 == 0
        lines = [("A", random.randint(1, 4)), *([("B", 1)] if n % 2 == 0 else [])]
        await world.apply(world.order(f"o{n:02}", *lines, ship_complete=together)[1])
    queue = (
        "SELECT sku, line_id, order_id, quantity, queued_at, ship_complete FROM queue_entry ORDER BY sku DESC, line_id"
    )
    async with world.database.transaction() as conn:
        for row in await world.rows(queue):
            day = random.choice((None, *[world.now.date() + timedelta(days=random.randint(-3, 25))] * 3))
            values = {"day": day, "id": row.line_id}
            await conn.execute(text("UPDATE queue_entry SET promise_date = :day WHERE line_id = :id"), values)
            await conn.execute(text("UPDATE demand SET promise_date = :day WHERE line_id = :id"), values)
            if row.sku == "B":
                others[row.order_id] = (day,) if row.ship_complete else ()
            else:
                rest = others.get(row.order_id, ())
                waiting.append(Waiting(row.line_id, row.quantity, day, row.queued_at, rest))
    inbound = [(world.now + timedelta(days=random.randint(-5, 30)), random.randint(1, 9)) for _ in range(3)]
    not_before = random.choice((None, world.now.date() + timedelta(days=7)))
    revision = Revision(
        "A", expected_supply(2, inbound, world.now, 2), random.randint(0, 30), world.now, random.choice((0, 14)),
        not_before, "twin", "d",
    )  # fmt: skip
    async with world.database.transaction() as conn:
        moved = await SqlAllocationStore(conn).revise_promises(revision)
    found: dict[str, date | None] = {line.line_id: line.promise_date for line in moved}
    assert found == revise(waiting, revision)
