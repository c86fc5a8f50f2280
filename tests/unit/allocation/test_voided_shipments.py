"""A voided shipment never left: its units are allocated to the same line at the same location, and no unit is counted
twice, in whatever order the two services tell of it."""

from itertools import permutations
from typing import Any

import pytest


async def test_voided_units_are_allocated_where_they_were(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 3))
    first, placed = world.order("o1", ("A", 3))
    await world.apply(placed, world.order("o2", ("A", 2))[1])
    await world.apply(world.ship(first, 1, 3), world.stock("A", 0, shipped=3))
    answers = await world.apply(world.void(first), world.stock("A", 0, voided=3))
    assert [(event.name, event.key, event.payload.basis) for event in answers] == [("OrderAllocated", "o1", 3)]
    assert await world.granted("o1-1", "o2-1") == [3, 0]
    line = await world.line("o1-1")
    assert (line.granted, line.shipped) == ({"HH": 3}, {})
    await world.check()


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_shipment_and_void_are_applied_in_any_order_of_their_events(order: tuple[int, ...], world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 3))
    first, placed = world.order("o1", ("A", 3))
    await world.apply(placed, world.order("o2", ("A", 2))[1])
    events = [world.ship(first, 1, 3), world.stock("A", 0, shipped=3), world.void(first), world.stock("A", 0, voided=3)]
    for number in order:
        await world.apply(events[number])
        await world.apply(events[order[0]])
        assert (await world.granted("o2-1")) == [0], "no unit is free at any moment"
    assert await world.granted("o1-1") == [3]
    await world.check()


async def test_units_that_a_shipment_forced_are_taken_back_once_it_is_voided(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 2))
    first, placed = world.order("o1", ("A", 2))
    await world.apply(placed, world.stock("A", -2))
    assert await world.granted("o1-1") == [0]
    await world.apply(world.ship(first, 1, 2), world.stock("A", 2, shipped=2))
    assert await world.granted("o1-1") == [2]
    await world.apply(world.void(first), world.stock("A", -2, voided=2))
    assert await world.granted("o1-1") == [0]
    await world.check()


async def test_voided_units_of_an_order_that_ships_complete_are_released_if_something_waits(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 2))
    first, placed = world.order("o1", ("A", 2), ship_complete=True)
    await world.apply(placed)
    await world.apply(world.ship(first, 1, 2), world.stock("A", 0, shipped=2))
    await world.apply(world.amend(first, 1, 3), world.order("o2", ("A", 1))[1])
    await world.apply(world.void(first), world.stock("A", 0, voided=2))
    assert await world.granted("o1-1", "o2-1") == [0, 1]
    await world.check()


async def test_voided_units_may_be_cancelled_and_go_to_the_next(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 2))
    first, placed = world.order("o1", ("A", 2))
    await world.apply(placed, world.order("o2", ("A", 2))[1])
    await world.apply(world.ship(first, 1, 2), world.stock("A", 0, shipped=2))
    await world.apply(world.void(first), world.stock("A", 0, voided=2))
    await world.apply(world.cancel(first))
    assert await world.granted("o1-1", "o2-1") == [0, 2]
    await world.check()
