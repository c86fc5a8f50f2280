"""Protocol rule 20, docs/protocol.md: decisions go by no time that cannot be true, on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.allocating.handle_events import handle_events
from allocation_service.application.session.options import Options
from allocation_service.wording.reason_words import published_words
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.testing import FakeClock


@pytest.mark.parametrize("year", [2036, 2062, 9999])
async def test_rule_20_an_order_of_the_future_does_not_date_the_promises_of_others(world: Any, year: int) -> None:
    future = datetime(year, 1, 2, tzinfo=UTC)
    await world.apply(world.sku("A"), world.sku("B"))
    poisoned, placed = world.order("o1", ("A", 1), ("B", 1))
    poisoned.state = poisoned.state.model_copy(update={"placed_at": future, "updated_at": future})
    await world.apply(replace(placed, payload=poisoned.state))
    expected = (world.now + timedelta(days=14)).date()
    for number, sku in enumerate(("A", "B"), start=2):
        answer = (await world.apply(world.order(f"o{number}", (sku, 1))[1]))[0]
        assert answer.payload.decided_at - world.now < timedelta(minutes=1)
        assert answer.payload.lines[0].promise.date == expected
    assert {row.placed_at.year for row in await world.rows("SELECT placed_at FROM customer_order")} == {world.now.year}
    await world.check()


async def test_rule_20_stock_inbound_and_policies_of_the_future_are_dated_by_when_they_were_told(world: Any) -> None:
    future = datetime(9999, 12, 31, 23, tzinfo=UTC)
    for event in (world.sku("A"), world.stock("A", 1), world.inbound("A", "p1", 5, world.now + timedelta(days=3))):
        payload = event.payload.model_copy(update={"occurred_at": future})
        if event.name == "InboundScheduled":
            payload = payload.model_copy(update={"eta": future})
        await world.apply(replace(event, payload=payload))
    answer = (await world.apply(world.order("o1", ("A", 2))[1]))[0]
    assert answer.payload.decided_at - world.now < timedelta(minutes=1)
    assert answer.payload.lines[0].promise.date.year <= world.now.year + 20
    await world.check()


async def test_rule_20_a_sku_that_was_dated_in_the_future_recovers(world: Any) -> None:
    await world.apply(world.sku("A"), world.order("o1", ("A", 1))[1])
    async with world.database.transaction() as conn:
        await conn.execute(text("UPDATE sku SET last_now = '2062-01-05T09:00Z'"))
    answer = (await world.apply(world.order("o2", ("A", 1))[1]))[0]
    assert answer.payload.decided_at - world.now < timedelta(minutes=1)
    assert answer.payload.lines[0].promise.date == (world.now + timedelta(days=14)).date()
    [stored] = await world.rows("SELECT last_now FROM sku")
    assert stored.last_now == answer.payload.decided_at
    await world.check()


async def test_rule_20_an_event_of_the_future_that_comes_again_changes_nothing(world: Any) -> None:
    poisoned, placed = world.order("o1", ("A", 1))
    poisoned.state = poisoned.state.model_copy(update={"updated_at": datetime(2062, 1, 5, tzinfo=UTC)})
    event = replace(placed, payload=poisoned.state)
    await world.apply(world.sku("A"), event)
    before = await world.rows("SELECT * FROM demand")
    world.later(days=3)
    assert await world.apply(event) == []
    assert await world.rows("SELECT * FROM demand") == before
    await world.check()


async def test_rule_20_two_workers_whose_clocks_differ_agree_on_the_order_of_decisions(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 3))
    clocks = (FakeClock(world.now + timedelta(minutes=5)), FakeClock(world.now - timedelta(minutes=5)))
    moments = []
    for number in range(6):
        units = SqlUnitOfWorkFactory(world.database, SqlAllocationUnitOfWork, clocks[number % 2])
        _, placed = world.order(f"o{number}", ("A", 1), placed_at=clocks[number % 2].now())
        moved = placed.payload.model_copy(update={"updated_at": clocks[number % 2].now()})
        async with world.database.transaction() as conn:
            await handle_events(units.within(conn), [replace(placed, payload=moved)], Options(published_words))
        moments += [event.payload.decided_at for event in await world.published()]
    assert moments == sorted(moments)
    assert await world.granted(*(f"o{number}-1" for number in range(6))) == [1, 1, 1, 0, 0, 0]
    await world.check()
