"""Promises are kept day by day: every way of reading a queue has the order that the domain has."""

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from allocation_service.adapters.queue.long_queue import SqlLongQueue
from allocation_service.adapters.queue.priority_bands import key_of
from allocation_service.adapters.store.session_reads import peek_skus
from allocation_service.adapters.views import queries, queue_positions
from allocation_service.application.decisions.decision_records import IndexedQueue
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.policies.policy import Policy, Sort
from allocation_service.domain.policies.sorting import Protection, Ranking

LINES = 40


async def _queue(world: Any, random: Random) -> None:
    """A queue with promises of every kind: broken, to keep, behind all that is announced, and none."""
    await world.apply(world.sku("A", lead_time_days=random.choice((0, 12))))
    for number in range(LINES):
        needed = (world.now + timedelta(days=random.randint(1, 9))).date() if random.random() < 0.5 else None
        tier = random.choice(("platinum", "gold", "silver", "standard"))
        await world.apply(world.order(f"o{number:02}", ("A", random.randint(1, 3)), tier=tier, needed_by=needed)[1])
    days = [world.now.date() + timedelta(days=days) for days in (-4, -1, 0, 0, 2, 5, 5, 9, 15)]
    async with world.database.transaction() as conn:
        for row in await world.rows("SELECT line_id, quantity FROM queue_entry ORDER BY line_id"):
            day = random.choice([*days, None])
            claim = date.max if day is None else day - timedelta(days=random.choice((0, 0, 3)))
            values = {"day": day, "claim": claim, "backed": bool(day and random.random() < 0.5), "id": row.line_id}
            for table in ("queue_entry", "demand"):
                statement = f"UPDATE {table} SET promise_date = :day, claim_date = :claim, backed = :backed"
                await conn.execute(text(f"{statement} WHERE line_id = :id"), values)
        for table, column in (("promised", "promise_date"), ("claimed", "claim_date")):
            await conn.execute(text(f"DELETE FROM {table}"))
            await conn.execute(
                text(
                    f"INSERT INTO {table} (sku, {column}, units, backed_units) SELECT sku, {column}, sum(quantity),"
                    " coalesce(sum(quantity) FILTER (WHERE backed), 0)"
                    f" FROM queue_entry WHERE {column} IS NOT NULL GROUP BY sku, {column}"
                )
            )
    for number in range(random.randint(0, 3)):
        eta = world.now + timedelta(days=random.randint(0, 9))
        await world.apply(world.inbound("A", f"p{number}", random.randint(1, 30), eta))


@pytest.mark.parametrize("protect", [True, False])
@pytest.mark.parametrize("sort", [Sort.FIFO, Sort.PRIORITY])
@pytest.mark.parametrize("seed", range(3))
async def test_places_pages_and_long_reads_have_the_order_of_the_keys(
    worlds: Any, sort: Sort, protect: bool, seed: int
) -> None:
    world = await worlds()  # promises are written by hand: not all invariants hold
    await world.use(Policy(sort=sort, protect_promises=protect))
    await _queue(world, Random(seed))
    async with world.database.transaction() as conn:
        (sku,) = (await peek_skus(conn, ["A"])).values()
        moment = sku.moment(world.now, 2)
        queue = IndexedQueue("A", sort, Protection.of(sku.policy, moment))
        rows = await world.rows("SELECT * FROM queue_entry")
        key = Ranking(sku.policy, moment).key
        ranked = sorted(rows, key=key)
        assert ranked == sorted(rows, key=lambda row: key_of(row, sort, queue.protection))

        units = 0
        for number, row in enumerate(ranked):
            assert await queue_positions.ahead(conn, row, sku, moment) == (number, units)
            units += row.quantity

        paged: list[Any] = []
        while page := await queries.queue_page(
            conn, queue, key_of(paged[-1], sort, queue.protection) if paged else None, 7
        ):
            paged += page
        assert [row.line_id for row in paged] == [row.line_id for row in ranked]

        session = AllocationSession()
        session.add_sku(sku)
        session.decision_times["A"] = world.now
        long = await SqlLongQueue.open(conn, session, "A", 1_000)
        chunk = await long.read(LINES)
        assert chunk is not None
        assert [row["line_id"] for row in chunk.rows] == [row.line_id for row in ranked]


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("seed", range(3))
async def test_the_head_that_is_read_is_the_head_of_the_queue(
    worlds: Any, sort: Sort, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Little arrives for a long queue, of which little is read: the first in the order of the keys get it."""
    world = await worlds()  # promises are written by hand: not all invariants hold
    monkeypatch.setattr("allocation_service.application.allocating.backorder_queue._READ_AT_LEAST", 1)
    monkeypatch.setattr("allocation_service.application.allocating.allocate_unindexed_queue._AT_LEAST", 1)
    monkeypatch.setattr("allocation_service.adapters.queue.unindexed_queue._FEW", 0)
    await world.use(Policy(sort=sort))
    await _queue(world, Random(seed))
    arrived = world.stock("A", 4)
    rows = await world.rows("SELECT * FROM queue_entry")
    await world.apply(arrived)
    async with world.database.reading() as conn:
        steps = (await conn.execute(text("SELECT steps FROM decision WHERE cause = :id"), {"id": arrived.id})).scalar()
    supply = steps[0]["supply"]["A"]
    through = supply.get("kept_through")
    (sku,) = (await _skus(world)).values()
    moment = sku.moment(arrived.payload.occurred_at, 2)._replace(
        kept_through=world.now.date().fromisoformat(through) if through else None
    )
    ranked = sorted(rows, key=Ranking(sku.policy, moment).key)
    expected, left = {}, 4
    for row in ranked:
        expected[row.line_id] = min(left, row.quantity)
        left -= expected[row.line_id]
    names = [row.line_id for row in ranked]
    assert dict(zip(names, await world.granted(*names), strict=True)) == expected
    assert await world.replays() == []


async def _skus(world: Any) -> Any:
    async with world.database.reading() as conn:
        return await peek_skus(conn, ["A"])
