"""A shipment that was voided never left: its units are on hand again, once for ever, and the supply is as before."""

import random

import pytest
from tests.unit.inventory.scenario import at

from inventory_service.domain.errors import LinesRefused

HOUR = 4 * 24


async def test_voided_units_are_on_hand_again_and_the_supply_stays(inventory, order):
    await inventory.receive(10)
    await inventory.apply(inventory.neighbours.ship(order, 1, 4))
    await inventory.published()
    await inventory.apply(inventory.neighbours.void(order))
    assert await inventory.level() == (10, 0, 3)
    [event] = await inventory.published()
    assert (event.name, event.payload.reason) == ("StockLevelChanged", "shipment_voided")
    [level] = event.payload.levels
    assert (level.on_hand, level.shipped, level.voided) == (10, 4, 4), "counters never fall"
    assert [entry.kind for entry in await inventory.ledger()] == ["receipt", "shipment", "shipment_voided"]
    inventory.check_ledger()


async def test_a_void_counts_once_however_often_and_in_whatever_order_it_is_told(inventory, order):
    neighbours = inventory.neighbours
    await inventory.receive(20)
    history = [neighbours.ship(order, 1, 4), neighbours.ship(order, 1, 3), neighbours.void(order, 1)]
    history += [neighbours.ship(order, 1, 4), neighbours.void(order, 3)]
    seed = random.randrange(10**9)
    print(f"seed {seed}")  # noqa: T201
    seeded = random.Random(seed)
    for _ in range(5):
        delivery = seeded.sample(history, len(history)) + seeded.choices(history, k=4)
        while delivery:
            size = seeded.randint(1, 3)
            await inventory.apply(*delivery[:size])
            delivery = delivery[size:]
    assert (await inventory.level())[:2] == (17, 3)
    inventory.check_ledger()


async def test_a_shipment_that_is_first_told_when_it_is_voided_already_moves_nothing(inventory, order):
    await inventory.receive(10)
    shipped = inventory.neighbours.ship(order, 1, 4)
    await inventory.apply(inventory.neighbours.void(order))
    assert (await inventory.level())[:2] == (10, 0)
    await inventory.apply(shipped)
    assert (await inventory.level())[:2] == (10, 0)
    inventory.check_ledger()


async def test_units_that_were_found_for_a_voided_shipment_are_lost_again(inventory, order):
    await inventory.receive(1)
    await inventory.apply(inventory.neighbours.ship(order, 1, 4))
    assert (await inventory.level())[:2] == (0, 4)
    await inventory.apply(inventory.neighbours.void(order))
    assert (await inventory.level())[:2] == (1, 0)
    inventory.check_ledger()


async def test_units_found_and_voided_in_one_batch_are_lost_again(inventory, order):
    await inventory.receive(1)
    await inventory.apply(inventory.neighbours.ship(order, 1, 4), inventory.neighbours.void(order))
    assert (await inventory.level())[:2] == (1, 0)
    inventory.check_ledger()


@pytest.mark.parametrize("reported_last", ["the count", "the void"])
async def test_a_count_after_the_shipment_has_seen_the_voided_units(inventory, order, reported_last):
    await inventory.receive(10, hour=0)
    await inventory.apply(inventory.neighbours.ship(order, 1, 4, shipped_at=at(HOUR)))
    void = inventory.neighbours.void(order, voided_at=at(HOUR + 9))
    if reported_last == "the count":
        await inventory.apply(void)
        await inventory.count(10, hour=HOUR + 3)
    else:
        await inventory.count(10, hour=HOUR + 3)
        await inventory.apply(void)
    assert (await inventory.level())[:2] == (10, 0)
    inventory.check_ledger()


async def test_a_count_before_the_shipment_that_is_reported_late_finds_that_nothing_moved(inventory, order):
    await inventory.receive(10, hour=0)
    await inventory.apply(inventory.neighbours.ship(order, 1, 4, shipped_at=at(HOUR)))
    await inventory.apply(inventory.neighbours.void(order, voided_at=at(HOUR + 9)))
    await inventory.count(9, hour=HOUR - 3)
    assert (await inventory.level())[:2] == (9, 0)
    inventory.check_ledger()


async def test_voided_units_can_leave_in_another_way(inventory, order):
    await inventory.receive(4)
    await inventory.apply(inventory.neighbours.ship(order, 1, 4))
    with pytest.raises(LinesRefused):
        await inventory.give_back(4)
    await inventory.apply(inventory.neighbours.void(order))
    await inventory.give_back(4)
    assert (await inventory.level())[:2] == (0, 0)
