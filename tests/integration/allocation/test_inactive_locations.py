"""Nothing is allocated from a location that is not active any more; what was allocated there may still ship."""

from datetime import timedelta
from typing import Any

import pytest

from allocation_service.domain.policies.policy import Policy, Sort


async def test_new_demand_gets_nothing_from_an_inactive_location(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 3), world.stock("A", 2, "M"))
    await world.apply(world.stock("A", 0, active=False))
    await world.apply(world.order("o1", ("A", 4))[1])
    assert (await world.line("o1-1")).granted == '{"M": 2}'
    await world.check()


@pytest.mark.parametrize("sort", [Sort.FIFO, Sort.PRIORITY, Sort.EARLIEST_DUE])
async def test_who_waits_gets_its_stock_when_the_location_is_active_again(world: Any, sort: Sort) -> None:
    await world.use(Policy(sort=sort))
    await world.apply(world.sku("A"), world.stock("A", 3, active=False))
    await world.apply(world.order("o1", ("A", 2))[1])
    assert await world.granted("o1-1") == [0]
    await world.check()
    answers = await world.apply(world.stock("A", 0, active=True))
    assert [event.name for event in answers] == ["BackorderAllocated"]
    assert await world.granted("o1-1") == [2]
    await world.check()


async def test_what_was_allocated_stays_and_ships_and_what_is_released_waits_there(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 3))
    first, placed = world.order("o1", ("A", 3))
    await world.apply(placed)
    await world.apply(world.stock("A", 0, active=False))
    assert await world.granted("o1-1") == [3]
    await world.apply(world.ship(first, 1, 1), world.stock("A", 0, shipped=1, active=False))
    await world.apply(world.order("o2", ("A", 1))[1])
    await world.apply(world.cancel(first, 1, 1))
    assert await world.granted("o1-1", "o2-1") == [2, 0]
    await world.check()


async def test_stock_at_an_inactive_location_backs_no_promise(world: Any) -> None:
    await world.apply(world.sku("A", lead_time_days=20), world.stock("A", 3))
    await world.apply(world.order("o1", ("A", 2), ("B", 1), ship_complete=True)[1], world.sku("B"))
    today = world.now.date()
    answers = await world.apply(world.stock("A", 0, active=False))
    assert {event.name for event in answers} <= {"PromiseRevised"}
    assert await world.promise("o1-1") >= today + timedelta(days=14)
    await world.apply(world.order("o2", ("A", 1))[1])
    assert await world.promise("o2-1") == (world.now + timedelta(days=20)).date()
    await world.check()


async def test_a_loss_at_an_inactive_location_is_taken_back_there(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 2), world.stock("A", 2, "M"))
    await world.apply(world.order("o1", ("A", 4))[1])
    await world.apply(world.stock("A", -1, active=False))
    assert (await world.line("o1-1")).granted == '{"M": 2, "HH": 1}'
    await world.check()
