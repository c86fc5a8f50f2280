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
from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.promising.learned_supply import PromiseSource
from allocation_service.domain.promising.line_promise import LinePromise
from allocation_service.domain.promising.promise_dates import Expected, expected_supply
from allocation_service.domain.promising.promise_revision import (
    LearnedDates,
    Revised,
    Revision,
    Waiting,
    revise,
    source_after,
)
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


@pytest.mark.parametrize("seed", range(40))
async def test_the_statement_revises_the_same_lines_as_its_pure_twin(seed: int, worlds: Any) -> None:
    world, random = await worlds(), Random(seed)  # promises are written by hand: no invariant holds afterwards
    await world.apply(world.sku("A", lead_time_days=random.choice((0, 14))), world.sku("B"))
    waiting: list[Waiting] = []
    others: dict[str, Any] = {}
    for n in range(12):
        together = n % 4 == 0
        lines = [("A", random.randint(1, 4)), *([("B", 1)] if n % 2 == 0 else [])]
        order, placed = world.order(f"o{n:02}", *lines, ship_complete=together)
        await world.apply(placed)
        if n % 5 == 1:
            await world.apply(world.amend(order, 1, lines[0][1] + 2))
    queue = "SELECT sku, line_id, order_id, quantity, queued_at, ship_complete FROM queue_entry"
    promises: dict[str, Any] = {}
    firsts: dict[str, Any] = {}
    async with world.database.transaction() as conn:
        for row in await world.rows(f"{queue} ORDER BY sku DESC, line_id, queued_at"):
            if row.line_id not in promises:
                told = random.choice((None, *[world.now.date() + timedelta(days=random.randint(-3, 25))] * 3))
                claim = date.max if told is None else told - timedelta(days=random.choice((0, 0, 5)))
                promises[row.line_id] = LinePromise(told, claim, bool(told and random.random() < 0.5))
            values = {**promises[row.line_id]._asdict(), "id": row.line_id}
            for table in ("queue_entry", "demand"):
                statement = f"UPDATE {table} SET promise_date = :promise_date, claim_date = :claim_date"
                await conn.execute(text(f"{statement}, backed = :backed WHERE line_id = :id"), values)
            told, claim, backed = promises[row.line_id]
            if row.sku == "B":
                others[row.order_id] = (told,) if row.ship_complete else ()
            else:
                rest = others.get(row.order_id, ())
                units = row.quantity + (waiting.pop().units if waiting and waiting[-1].line_id == row.line_id else 0)
                since = firsts.setdefault(row.line_id, row.queued_at)
                waiting.append(Waiting(row.line_id, units, told, since, claim, backed, rest))
    inbound = [(world.now + timedelta(days=random.randint(-5, 30)), random.randint(1, 9)) for _ in range(3)]
    not_before = random.choice((None, world.now.date() + timedelta(days=7)))
    expected = expected_supply(2, inbound, world.now, 2)
    likely = tuple(
        Expected(max(world.now.date(), day - timedelta(days=random.randint(0, 6))), units) for day, units in expected
    )
    sources = tuple(PromiseSource(Basis.INBOUND, f"S{number}", 90 + number, 7) for number in range(len(expected)))
    learned = LearnedDates(tuple(sorted(likely)), sources, PromiseSource(Basis.LEAD_TIME, "A", 80, 7), 14, 95, 7)
    revision = Revision(
        "A", expected, world.now, random.choice((0, 14)), not_before, "twin", "d",
        None, random.choice((0, 0, 9)), random.random() < 0.2, learned if seed % 2 else None,
    )  # fmt: skip
    left = sum(one.units for one in revision.expected) - sum(one.units for one in waiting if one.backed)
    gained = random.choice((None, left)) if left >= 0 else None
    async with world.database.transaction() as conn:
        moved = await SqlAllocationStore(conn).revise_promises(revision, gained)
    revised = revise(waiting, revision, gained)
    stored = {
        row.line_id: Revised(row.promise_date, row.claim_date, row.backed)
        for row in await world.rows("SELECT line_id, promise_date, claim_date, backed FROM demand WHERE sku = 'A'")
    }
    assert stored == {line_id: revised.get(line_id, Revised(*promises[line_id])) for line_id in stored}
    queued = await world.rows("SELECT line_id, promise_date, claim_date, backed FROM queue_entry WHERE sku = 'A'")
    assert {(row.line_id, *stored[row.line_id]) for row in queued} == {tuple(row) for row in queued}
    resting_on = {
        row.line_id: (row.promise_source, row.promise_confidence, row.promise_table)
        for row in await world.rows("SELECT * FROM demand WHERE sku = 'A'")
    }
    for line_id, new in revised.items():
        source = source_after(revision, new.promise_date, backed=new.backed)
        if source is not None and new.promise_date != promises[line_id].promise_date:
            assert resting_on[line_id] == (source.source, source.confidence, 7)
    dates = {line_id: new.promise_date for line_id, new in revised.items()}
    assert {line.line_id: line.promise_date for line in moved} == {
        line_id: day for line_id, day in dates.items() if day != promises[line_id].promise_date
    }
