"""Shipments and demand from order events: each counts once, in whatever order and however often events come."""

import random

from tests.statements_seen import statements_of
from tests.unit.inventory.scenario import at, shipped_orders, units_shipped_by


async def test_a_shipment_moves_units_and_announces_the_level(inventory, order):
    await inventory.receive(10)
    await inventory.published()
    cause = inventory.neighbours.ship(order, 1, 4)
    await inventory.apply(cause)
    assert await inventory.level() == (6, 4, 2)
    [event] = await inventory.published()
    assert (event.name, event.key, event.sequence, event.payload.reason) == (
        "StockLevelChanged",
        "lamp",
        2,
        "shipment",
    )
    [level] = event.payload.levels
    assert (level.on_hand, level.shipped, level.version, level.priority) == (6, 4, 2, 10)
    assert (event.causation_id, event.correlation_id) == (cause.id, cause.correlation_id)
    assert event.payload.occurred_at == order.state.shipments[0].shipped_at
    await inventory.check()


async def test_a_shipment_replayed_after_the_inbox_was_purged_counts_once(inventory, order):
    await inventory.receive(10)
    event = inventory.neighbours.ship(order, 1, 4)
    await inventory.apply(event)
    await inventory.published()
    await inventory.apply(event, remember=False)
    assert await inventory.level() == (6, 4, 2)
    assert await inventory.published() == []


async def test_a_shipment_from_a_place_that_is_not_known_is_posted_all_the_same(inventory):
    order, _ = inventory.neighbours.order("order-1", ("ghost", 2))
    await inventory.apply(inventory.neighbours.ship(order, 1, 2, "elsewhere"))
    assert (await inventory.level("ghost", "elsewhere"))[:2] == (0, 2)


async def test_demand_is_the_newest_state_of_each_order_line(inventory):
    neighbours = inventory.neighbours
    order, placed = neighbours.order("order-1", ("lamp", 10))
    amended, cancelled = neighbours.amend(order, 1, 7), neighbours.cancel(order, 1, 2)
    _, other = neighbours.order("order-2", ("lamp", 4))
    for event in (cancelled, placed, other, amended, placed):
        await inventory.apply(event, remember=False)
    [row] = await inventory.rows("SELECT * FROM demand_history WHERE sku = 'lamp'")
    assert (row.day.isoformat(), row.units_ordered, row.units_cancelled, row.lines) == ("2010-12-01", 11, 2, 2)


async def test_duplicates_shuffles_and_a_replay_from_the_beginning_change_nothing(inventory):
    await inventory.receive(500, received_at="2010-12-01T00:00:00Z")
    body = {"location_id": "main", "counted_at": "2010-12-05T06:00:00Z"}
    await inventory.post("/v1/counts", {**body, "lines": [{"sku": "lamp", "counted_quantity": 480}]})
    history = shipped_orders(inventory.neighbours)
    seeded = random.Random(7)
    for _ in range(4):
        delivery = seeded.sample(history, len(history)) + seeded.choices(history, k=10)
        while delivery:
            batch = [delivery.pop() for _ in range(min(len(delivery), seeded.randint(1, 9)))]
            await inventory.apply(*batch, remember=seeded.random() < 0.5)
    expected_shipped = 12 * (2 + 3 + 4)
    late = units_shipped_by(at(4 * 24 + 6), history)
    assert 0 < late < expected_shipped
    assert (await inventory.level())[:2] == (480 - (expected_shipped - late), expected_shipped)
    await inventory.check()
    before = await inventory.level()
    await inventory.published()
    await inventory.apply(*history, remember=False)
    assert (await inventory.level(), await inventory.published()) == (before, [])


async def test_a_batch_of_shipments_costs_a_fixed_number_of_statements(inventory):
    await inventory.receive(1_000)

    async def cost(*numbers):
        orders = [inventory.neighbours.order(f"batch-{number}", ("lamp", 10))[0] for number in numbers]
        shipped = [inventory.neighbours.ship(order, 1, 1) for order in orders]
        async with statements_of(inventory.database) as statements:
            await inventory.apply(*shipped)
        return len(statements)

    assert await cost(0) == await cost(*range(1, 31)) > 0
