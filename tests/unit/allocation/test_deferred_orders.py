"""Orders that are decided by themselves come to rest, whatever share of the stock everybody has."""

import pytest
from tests.unit.allocation.scenario import InMemoryAllocation

from allocation_service.application.allocating.deferred_orders import decide_deferred_orders
from allocation_service.domain.policies.policy import Complete, Policy, Quota, Share, Sort
from service_kit.commands.execute import execute

SHARED = {
    "fair": Policy(share=Share.MAX_MIN),
    "in proportion": Policy(share=Share.PROPORTIONAL),
    "the same loss": Policy(share=Share.UNIFORM_LOSSES),
    "within a quota": Policy(share=Share.MAX_MIN, quotas=(Quota("channel", "web", 9),)),
    "the best of whole orders": Policy(sort=Sort.VALUE_INDEX, complete=Complete.OPTIMAL),
}


ROUNDS = 30


class Bounded(InMemoryAllocation):
    """An allocation in which deferring orders has to come to an end."""

    async def recheck(self) -> int:
        """See AllocationScenario."""
        decided = 0
        for _ in range(ROUNDS):
            in_this_round = await execute(self.units, decide_deferred_orders, self.options)
            if not in_this_round:
                return decided
            decided += in_this_round
        raise AssertionError(f"orders are deferred again and again: {list(self.units.state.deferred_orders)}")


@pytest.fixture(params=SHARED)
async def world(request: pytest.FixtureRequest):
    world = Bounded()
    await world.use(SHARED[request.param])
    await world.apply(*[world.sku(sku) for sku in "ABCD"])
    yield world
    await world.check()


async def test_an_order_that_cannot_be_filled_is_not_deferred_again_by_its_own_decision(world: Bounded) -> None:
    await world.apply(world.order("o1", ("A", 1), ("B", 2), ship_complete=True)[1], world.stock("B", 1))
    await world.apply(world.stock("A", 1))
    assert await world.granted("o1-1", "o1-2") == [0, 0]
    await world.apply(world.stock("B", 1))
    assert await world.granted("o1-1", "o1-2") == [1, 2]


async def test_orders_that_cannot_be_filled_do_not_defer_each_other_in_turns(world: Bounded) -> None:
    await world.apply(world.order("o1", ("A", 1), ("B", 2), ship_complete=True)[1], world.stock("B", 1))
    await world.apply(world.order("o2", ("A", 2), ("C", 2), ship_complete=True)[1], world.stock("C", 1))
    for _ in range(3):
        await world.apply(world.stock("A", 1))
    assert await world.granted("o1-1", "o1-2", "o2-1", "o2-2") == [0, 0, 0, 0]
    await world.apply(world.stock("C", 1), world.stock("B", 1))
    assert await world.granted("o1-1", "o1-2", "o2-1", "o2-2") == [1, 2, 2, 2]


async def test_stock_that_comes_while_an_order_is_to_be_decided_is_not_kept_from_another_that_ships_complete(
    world: Bounded,
) -> None:
    await world.apply(world.order("o1", ("A", 1), ("B", 2), ship_complete=True)[1], world.stock("B", 1))
    await world.apply(world.order("o2", ("A", 2), ("D", 1), ship_complete=True)[1], world.stock("D", 1))
    for _ in range(2):
        await world.apply(world.stock("A", 1), deferred_orders=False)
    assert await world.granted("o2-1", "o2-2") == [0, 0]
    await world.recheck()
    assert await world.granted("o1-1", "o1-2", "o2-1", "o2-2") == [0, 0, 2, 1]


async def test_what_an_order_lets_go_of_goes_to_another_that_is_decided_by_itself(world: Bounded) -> None:
    await world.apply(world.stock("A", 2), world.stock("B", 1), world.stock("D", 1))
    await world.apply(world.order("o1", ("A", 2), ("B", 1), ship_complete=True)[1])
    await world.apply(world.order("o2", ("A", 2), ("D", 1), ship_complete=True)[1])
    assert await world.granted("o1-1", "o1-2", "o2-1", "o2-2") == [2, 1, 0, 0]
    await world.apply(world.stock("B", -1))
    assert await world.granted("o1-1", "o1-2", "o2-1", "o2-2") == [0, 0, 2, 1]
