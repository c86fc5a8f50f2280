"""A fill that reaches many lines is decided in parts, and serves as one that is decided at once would."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from allocation_service.adapters.store.sql_allocation_store import SqlAllocationStore
from allocation_service.application.allocating.backorder_queue import run_decision
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.policies.policy import Ageing, Holdback, Policy, Sort


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allocation_service.application.allocating.allocate_supply.PART", 4)
    monkeypatch.setattr("allocation_service.application.allocating.allocate_long_queue._LINES", 3)


async def _queue(world: Any, seed: int) -> list[Any]:
    """Thirty orders that wait, of different tiers; some ship complete, some were amended up later."""
    random = Random(seed)
    await world.apply(world.sku("A"), world.sku("B"))
    orders = []
    for number in range(30):
        more = [("B", 1)] if random.random() < 0.1 else []
        order, event = world.order(
            f"o{number:02}",
            ("A", random.randint(1, 4)),
            *more,
            tier=random.choice(("gold", "standard")),
            ship_complete=random.random() < 0.3,
        )
        orders.append(order)
        await world.apply(event)
    for order in random.sample(orders, 6):
        await world.apply(world.amend(order, 1, order.state.lines[0].quantity + random.randint(1, 3)))
    return orders


@pytest.mark.parametrize("sort", [Sort.FIFO, Sort.PRIORITY])
@pytest.mark.parametrize("seed", range(4))
async def test_parts_give_to_whom_one_decision_would(
    world: Any, sort: Sort, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = await _queue(world, seed)
    # Promises have no say here: what free stock backed for a while keeps its claim when that stock is gone, so that it
    # would stand elsewhere the second time.
    await world.use(Policy(sort=sort, protect_promises=False))
    ids = [order.state.lines[0].line_id for order in orders]
    await world.apply(world.stock("A", 45))
    in_parts = await world.granted(*ids)
    assert len(await world.rows("SELECT DISTINCT decision_id FROM decision_line WHERE step = 0 AND granted > 0")) > 5
    await world.check()

    # All is taken back and given again, this time as one decision.
    monkeypatch.setattr("allocation_service.application.allocating.allocate_supply.PART", 10_000)
    await world.apply(world.stock("A", -45))
    assert sum(await world.granted(*ids)) == 0
    await world.apply(world.stock("A", 45))
    assert await world.granted(*ids) == in_parts
    await world.check()


SORTS = {
    "by age": (Policy(sort=Sort.FIFO, protect_promises=False), range(6)),
    "by tier": (Policy(sort=Sort.PRIORITY, protect_promises=False), range(24, 30)),
    "by day": (Policy(sort=Sort.EARLIEST_DUE, protect_promises=False), range(12, 18)),
    "the promised first": (Policy(sort=Sort.FIFO), range(6, 12)),
    "by tier, with stock held back": (Policy(sort=Sort.PRIORITY, holdback=Holdback(), ageing=Ageing(5, 30)), None),
}


@pytest.mark.parametrize("name", SORTS)
async def test_a_long_fill_locks_the_orders_that_it_reaches(world: Any, name: str) -> None:
    policy, reached = SORTS[name]
    await world.apply(world.sku("A"))
    for number in range(30):
        needed_by = (world.now + timedelta(days=1)).date() if 12 <= number < 18 else None
        tier = "platinum" if number >= 24 else "standard"
        await world.apply(world.order(f"o{number:02}", ("A", 1), needed_by=needed_by, tier=tier)[1])
    if name == "the promised first":
        await world.apply(world.inbound("A", "po", 1, world.now + timedelta(days=5)))
        async with world.database.transaction() as conn:
            for table in ("demand", "queue_entry"):
                await conn.execute(
                    text(
                        f"UPDATE {table} SET promise_date = :day, claim_date = :day, backed = true"
                        " WHERE line_id BETWEEN 'o06' AND 'o12'"
                    ),
                    {"day": world.now.date()},
                )
            for counter in ("promised", "claimed"):
                day = "promise_date" if counter == "promised" else "claim_date"
                await conn.execute(text(f"DELETE FROM {counter}"))
                await conn.execute(
                    text(
                        f"INSERT INTO {counter} SELECT sku, {day}, sum(quantity),"
                        f" coalesce(sum(quantity) FILTER (WHERE backed), 0) FROM queue_entry GROUP BY sku, {day}"
                    )
                )
    await world.use(policy)
    locked: list[str] = []
    async with world.database.transaction() as filling:
        store, session = SqlAllocationStore(filling), AllocationSession()
        await store.lock_skus(session, ["A"], ())
        queue = await store.open_long_queue(session, "A", 6)
        told = set(await queue.lock_orders())
        async with world.database.transaction() as other:
            rows = await other.execute(text("SELECT order_id FROM customer_order FOR UPDATE SKIP LOCKED"))
            locked = sorted({f"o{number:02}" for number in range(30)} - set(rows.scalars()))
    assert told == set(locked)
    if reached is not None:
        assert locked == [f"o{number:02}" for number in reached]
    else:
        # Six of each tier: whom stock is held back from is not known before it is decided.
        assert locked == [f"o{number:02}" for number in (*range(12, 18), *range(24, 30))]
    await world.apply(world.stock("A", 6))
    await world.check()


async def test_a_failure_while_a_part_is_decided_leaves_nothing_behind(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = await _queue(world, 1)
    calls = 0

    def fails_later(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise RuntimeError("planted")
        run_decision(*arguments)

    receipt = world.stock("A", 45)
    with monkeypatch.context() as planted:
        planted.setattr("allocation_service.application.allocating.allocate_long_queue.run_decision", fails_later)
        with pytest.raises(RuntimeError, match="planted"):
            await world.apply(receipt)
    assert sum(await world.granted(*(order.state.lines[0].line_id for order in orders))) == 0
    assert await world.published() == []
    await world.apply(receipt)
    await world.check()
