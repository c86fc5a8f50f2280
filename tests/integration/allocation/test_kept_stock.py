"""Stock that a policy keeps from a whole queue: what frees nothing reads no more of that queue than its head."""

from typing import Any

import pytest

from allocation_service.adapters.queue import unindexed_queue
from allocation_service.adapters.store.sql_allocation_store import SqlAllocationStore
from allocation_service.application.allocating.handle_events import decide_events
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.options import Options
from allocation_service.domain.policies.policy import Policy, Quota, Sort
from allocation_service.wording.reason_words import published_words

WAITING = 60


@pytest.fixture(autouse=True)
def _little_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allocation_service.application.allocating.allocate_unindexed_queue._AT_LEAST", 1)
    monkeypatch.setattr(unindexed_queue, "_FEW", 0)


async def handled(world: Any, *events: Any) -> AllocationSession:
    """What one transaction read and did."""
    async with world.database.transaction() as conn:
        return await decide_events(SqlAllocationStore(conn), events, Options(published_words))


async def orders(world: Any, count: int, **more: Any) -> list[Any]:
    made = [world.order(f"w{number:02}", ("A", 1), **more) for number in range(count)]
    await world.apply(*[event for _, event in made])
    return [order for order, _ in made]


async def test_what_frees_nothing_of_a_used_up_quota_reads_the_head_of_the_queue_only(world: Any) -> None:
    await world.use(Policy(quotas=(Quota("channel", "web", 3), Quota("region", "north", 0))))
    await world.apply(world.sku("A"))
    (first, *_) = await orders(world, WAITING, channel="web")
    await world.apply(world.order("north", ("A", 1), region="north")[1])
    await world.apply(world.stock("A", 5))
    assert sum(await world.granted(*[f"w{number:02}-1" for number in range(WAITING)], "north-1")) == 3

    told = await handled(world, world.stock("A", 0))
    assert len(told.lines) < 15
    new_demand = await handled(world, world.order("late", ("A", 1), channel="web")[1])
    assert (list(new_demand.lines), new_demand.queues) == (["late-1"], {})
    assert await world.granted("late-1") == [0]
    await world.check()

    # An order that ships complete stands outside of both, but is too large for what there is.
    await world.apply(world.order("whole", ("A", 6), ship_complete=True)[1])
    assert len((await handled(world, world.stock("A", 0))).lines) < 15
    # Whoever could have it is found, however far behind.
    await world.apply(world.stock("A", 7))
    assert await world.granted("whole-1") == [6]
    web = [f"w{number:02}-1" for number in range(WAITING)]
    assert sum(await world.granted(*web)) == 3 + 3
    # What one gives back of the quota, the next may have.
    await world.apply(world.cancel(first))
    assert sum(await world.granted(*web)) == 3 + 3
    await world.check()


async def test_stock_kept_for_an_order_that_ships_complete_is_not_looked_through_for_the_others(world: Any) -> None:
    await world.use(Policy(sort=Sort.FIFO, bypass_limit=0))
    await world.apply(world.sku("A"))
    whole, placed = world.order("whole", ("A", 9), ship_complete=True)
    await world.apply(placed)
    await orders(world, WAITING)
    await world.apply(world.stock("A", 5))
    assert len((await handled(world, world.stock("A", 0))).lines) < 25
    new_demand = await handled(world, world.order("late", ("A", 1))[1])
    assert len(new_demand.lines) < 25
    await world.check()
    # It wants them no more: those behind have them at once.
    await world.apply(world.cancel(whole))
    assert sum(await world.granted(*[f"w{number:02}-1" for number in range(WAITING)])) == 5
    await world.check()
