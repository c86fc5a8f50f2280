"""Shipments and demand from order events: each counts once, in whatever order and however often events come."""

import random
from dataclasses import replace
from datetime import date

from tests.unit.inventory.scenario import at, shipped_orders, units_shipped_by

from inventory_service.domain.customer_orders import DemandLine


async def test_a_shipment_moves_units_and_announces_the_level(inventory, order):
    await inventory.receive(10)
    await inventory.published()
    cause = inventory.neighbours.ship(order, 1, 4)
    await inventory.apply(cause)
    assert await inventory.level() == (6, 4, 2)
    [event] = await inventory.published()
    assert (event.name, event.key, event.sequence, event.payload.reason) == ("StockLevelChanged", "lamp", 2, "shipment")
    [level] = event.payload.levels
    assert (level.on_hand, level.shipped, level.version, level.priority) == (6, 4, 2, 10)
    assert (event.causation_id, event.correlation_id) == (cause.id, cause.correlation_id)
    assert event.payload.occurred_at == order.state.shipments[0].shipped_at
    inventory.check_ledger()


async def test_an_event_with_all_shipments_so_far_posts_only_the_new_ones(inventory, order):
    await inventory.receive(10)
    await inventory.apply(inventory.neighbours.ship(order, 1, 4))
    await inventory.apply(inventory.neighbours.ship(order, 1, 3))
    assert (await inventory.level())[:2] == (3, 7)


async def test_a_shipment_that_is_repeated_changes_and_announces_nothing(inventory, order):
    await inventory.receive(10)
    event = inventory.neighbours.ship(order, 1, 4)
    await inventory.apply(event)
    await inventory.published()
    await inventory.apply(event, event)
    assert await inventory.level() == (6, 4, 2)
    assert await inventory.published() == []


async def test_an_added_line_is_demand_of_the_day_on_which_it_was_added(inventory, order):
    inventory.neighbours.later(days=8)
    await inventory.apply(inventory.neighbours.add_line(order, "chair", 3))
    days = {line.line_id: line.day for line in inventory.units.state.demand.values()}
    assert days == {"order-1-1": date(2010, 12, 1), "order-1-2": date(2010, 12, 9)}


async def test_a_shipment_beyond_on_hand_records_the_missing_units_as_found(inventory, order):
    await inventory.receive(3)
    await inventory.apply(inventory.neighbours.ship(order, 1, 5))
    assert (await inventory.level())[:2] == (0, 5)
    assert [entry.kind for entry in await inventory.ledger()] == ["receipt", "found", "shipment"]
    inventory.check_ledger()


async def test_a_shipment_from_a_location_that_is_not_known_is_posted_all_the_same(inventory):
    order, _ = inventory.neighbours.order("order-1", ("ghost", 2))
    await inventory.apply(inventory.neighbours.ship(order, 1, 2, "elsewhere"))
    assert (await inventory.level("ghost", "elsewhere"))[:2] == (0, 2)
    [event] = await inventory.published()
    assert event.payload.levels[0].priority == 100, "a location that states no priority has this one"


async def test_a_shipment_of_no_units_is_none(inventory, order):
    await inventory.apply(inventory.neighbours.ship(order, 1, 0))
    assert (inventory.units.state.shipments, await inventory.published()) == ({}, [])


async def test_a_return_after_a_shipment_is_a_receipt(inventory, order):
    await inventory.receive(5)
    await inventory.apply(inventory.neighbours.ship(order, 1, 5))
    await inventory.receive(2)
    assert (await inventory.level())[:2] == (2, 5)


async def test_many_shipments_of_one_batch_are_one_event_for_each_sku(inventory):
    await inventory.receive(100)
    await inventory.published()
    orders = [inventory.neighbours.order(f"order-{number}", ("lamp", 10))[0] for number in range(20)]
    await inventory.apply(*(inventory.neighbours.ship(order, 1, 3) for order in orders))
    assert await inventory.level() == (40, 60, 21)
    [event] = await inventory.published()
    assert (event.sequence, event.payload.levels[0].on_hand) == (21, 40)


async def test_every_line_of_one_shipment_leaves(inventory):
    order, _ = inventory.neighbours.order("order-1", ("lamp", 5), ("lamp", 5), ("chair", 5))
    for line, units in ((1, 2), (2, 1), (3, 4)):
        event = inventory.neighbours.ship(order, line, units)
    together = tuple(one.model_copy(update={"shipment_id": "parcel"}) for one in event.payload.shipments)
    payload = event.payload.model_copy(update={"shipments": together})
    await inventory.apply(replace(event, payload=payload))
    assert [(await inventory.level(sku))[:2] for sku in ("lamp", "chair")] == [(0, 3), (0, 4)]


async def test_the_event_of_a_batch_happens_when_its_last_shipment_left(inventory, order):
    other, _ = inventory.neighbours.order("order-2", ("lamp", 10))
    late = inventory.neighbours.ship(order, 1, 1, shipped_at=at(33))
    early = inventory.neighbours.ship(other, 1, 1, shipped_at=at(27))
    await inventory.apply(late, early)
    [event] = await inventory.published()
    assert (event.payload.occurred_at, event.causation_id) == (at(33), early.id)


async def test_demand_is_the_newest_state_of_each_order_line(inventory):
    neighbours = inventory.neighbours
    order, placed = neighbours.order("order-1", ("lamp", 10))
    amended, cancelled = neighbours.amend(order, 1, 7), neighbours.cancel(order, 1, 2)
    _, other = neighbours.order("order-2", ("lamp", 4))
    for events in ((cancelled,), (placed, other, amended), (placed,)):
        await inventory.apply(*events)
    day = date(2010, 12, 1)
    assert list(inventory.units.state.demand.values()) == [
        DemandLine("order-1", "order-1-1", "lamp", day, 7, 2, 3),
        DemandLine("order-2", "order-2-1", "lamp", day, 4, 0, 1),
    ]


async def test_of_several_events_of_an_order_in_one_batch_the_newest_tells_its_demand(inventory):
    order, placed = inventory.neighbours.order("order-1", ("lamp", 10))
    await inventory.apply(placed, inventory.neighbours.amend(order, 1, 7), inventory.neighbours.cancel(order, 1, 2))
    [demand] = inventory.units.state.demand.values()
    assert (demand.quantity, demand.cancelled, demand.sequence) == (7, 2, 3)


async def test_duplicates_and_shuffles_of_a_history_end_at_the_same_level(inventory):
    await inventory.receive(500, hour=0)
    await inventory.count(480, hour=4 * 24 + 6)
    history = shipped_orders(inventory.neighbours)
    included = units_shipped_by(at(4 * 24 + 6), history)
    total = 12 * (2 + 3 + 4)
    seed = random.randrange(10**9)
    seeded = random.Random(seed)
    for _ in range(4):
        delivery = seeded.sample(history, len(history)) + seeded.choices(history, k=10)
        while delivery:
            await inventory.apply(*(delivery.pop() for _ in range(min(len(delivery), seeded.randint(1, 9)))))
    assert 0 < included < total
    assert (await inventory.level())[:2] == (480 - (total - included), total), f"seed {seed}"
    inventory.check_ledger()
