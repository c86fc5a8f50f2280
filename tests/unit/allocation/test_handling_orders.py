"""Placing, receiving, cancelling and shipping, first come, first served."""

from datetime import timedelta
from typing import Any

import pytest

from allocation_service.domain.policies.policy import Policy, Share


async def test_what_is_on_hand_is_allocated_at_once(world: Any) -> None:
    _, placed = world.order("o1", ("A", 3))
    answers = await world.apply(world.sku("A"), world.stock("A", 5), placed)
    assert [(event.name, event.payload.lines[0].allocated) for event in answers] == [("OrderAllocated", {"HH": 3})]
    assert answers[0].payload.basis == 1
    await world.check()


async def test_what_is_not_there_waits_with_a_promise_date(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=14), world.stock("A", 2))
    _, placed = world.order("o1", ("A", 5))
    answer = (await world.apply(placed))[0]
    line = answer.payload.lines[0]
    assert (answer.name, line.allocated, line.waiting) == ("OrderBackordered", {"HH": 2}, 3)
    assert line.promise.date == (world.now + timedelta(days=14)).date()
    await world.check()


async def test_arriving_stock_goes_to_those_who_wait_in_their_order(world: Any) -> None:
    await world.apply(world.sku("A"))
    for name, quantity in (("o1", 2), ("o2", 3), ("o3", 4)):
        await world.apply(world.order(name, ("A", quantity))[1])
    answers = await world.apply(world.stock("A", 6))
    assert [(event.name, event.key, event.payload.lines[0].waiting) for event in answers] == [
        ("BackorderAllocated", "o1", 0),
        ("BackorderAllocated", "o2", 0),
        ("BackorderAllocated", "o3", 3),
    ]
    assert await world.granted("o1-1", "o2-1", "o3-1") == [2, 3, 1]
    await world.check()


async def test_a_cancellation_hands_its_stock_to_the_next_in_the_same_transaction(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 3))
    first, placed = world.order("o1", ("A", 3))
    _, second = world.order("o2", ("A", 2))
    await world.apply(placed, second)
    answers = await world.apply(world.cancel(first))
    assert [(event.name, event.key) for event in answers] == [
        ("AllocationReleased", "o1"),
        ("BackorderAllocated", "o2"),
    ]
    assert await world.granted("o1-1", "o2-1") == [0, 2]
    await world.check()


async def test_a_shipment_changes_nothing_but_what_has_left(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 3))
    first, placed = world.order("o1", ("A", 3))
    await world.apply(placed, world.order("o2", ("A", 2))[1])
    answers = await world.apply(world.ship(first, 1, 3), world.stock("A", 0, shipped=3))
    assert [(event.name, event.key) for event in answers] == [("OrderAllocated", "o1")]
    assert await world.granted("o1-1", "o2-1") == [3, 0]
    await world.check()


async def test_a_mixed_batch_serves_waiters_before_newcomers(world: Any) -> None:
    await world.apply(world.sku("A"))
    await world.apply(world.order("o1", ("A", 4))[1])
    _, new_demand = world.order("o2", ("A", 4))
    await world.apply(new_demand, world.stock("A", 5))
    assert await world.granted("o1-1", "o2-1") == [4, 1]
    await world.check()


async def test_an_order_that_ships_complete_is_decided_once_its_unknown_article_is_cancelled(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 2))
    order, placed = world.order("o1", ("A", 2), ("B", 1), ship_complete=True)
    await world.apply(placed)
    assert (await world.line("o1-1")).undecided == 2
    await world.apply(world.cancel(order, 2))
    assert (await world.line("o1-1")).undecided == 0
    assert await world.granted("o1-1") == [2]
    await world.apply(world.sku("B"))
    await world.check()


@pytest.mark.parametrize("share", [Share.PROPORTIONAL, Share.MAX_MIN, Share.UNIFORM_LOSSES])
@pytest.mark.parametrize("receipts", [15, 5, 1])
async def test_a_class_shares_receipts_of_one_unit_as_it_shares_all_of_them_at_once(
    world: Any, share: Share, receipts: int
) -> None:
    await world.use(Policy(share=share))
    await world.apply(world.sku("A"))
    for name in ("o1", "o2", "o3"):
        await world.apply(world.order(name, ("A", 10), customer_id=f"customer of {name}")[1])
    for _ in range(receipts):
        await world.apply(world.stock("A", 15 // receipts))
    assert await world.granted("o1-1", "o2-1", "o3-1") == [5, 5, 5]
    await world.check()
