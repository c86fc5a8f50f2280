"""Shipments and demand from order events: each counts once, in whatever order and however often events come."""

import random
from datetime import UTC, datetime

from event_contracts import ShippedLine


async def test_a_shipment_moves_units_and_announces_the_level(inventory, order_event, shipment):
    await inventory.receive(10)
    await inventory.new_events()
    cause = order_event("OrderShipped", 2, shipment(1, 4))
    await inventory.handle(cause)
    assert await inventory.level() == (6, 4, 2)
    [event] = await inventory.events()
    assert (event.name, event.key, event.sequence, event.payload.reason) == (
        "StockLevelChanged",
        "lamp",
        2,
        "shipment",
    )
    [level] = event.payload.levels
    assert (level.on_hand, level.shipped, level.version, level.priority) == (6, 4, 2, 10)
    assert (event.causation_id, event.correlation_id) == (cause.id, cause.correlation_id)
    assert event.payload.occurred_at == shipment(1, 4).shipped_at
    await inventory.check()


async def test_a_shipment_replayed_after_the_inbox_was_purged_counts_once(inventory, order_event, shipment):
    await inventory.receive(10)
    event = order_event("OrderShipped", 2, shipment(1, 4))
    await inventory.handle(event)
    await inventory.new_events()
    await inventory.handle(event, remember=False)
    assert await inventory.level() == (6, 4, 2)
    assert await inventory.events() == []


async def test_a_shipment_from_a_place_that_is_not_known_is_posted_all_the_same(inventory, order_event, shipment):
    gone = shipment(1, 2).model_copy(update={"location": "elsewhere", "sku": "ghost"})
    await inventory.handle(order_event("OrderShipped", 2, gone))
    assert (await inventory.level("ghost", "elsewhere"))[:2] == (0, 2)


async def test_demand_is_the_newest_state_of_each_order_line(inventory, order_event):
    placed = order_event("OrderPlaced", 1, quantity=10)
    amended = order_event("OrderAmended", 2, quantity=7)
    cancelled = order_event("OrderCancelled", 3, quantity=7, cancelled=2)
    other = order_event("OrderPlaced", 1, order_id="order-2", quantity=4)
    for event in (cancelled, placed, other, amended, placed):
        await inventory.handle(event, remember=False)
    [row] = await inventory.rows("SELECT * FROM demand_history WHERE sku = 'lamp'")
    assert (row.day.isoformat(), row.units_ordered, row.units_cancelled, row.lines) == ("2010-12-01", 11, 2, 2)


async def test_duplicates_shuffles_and_a_replay_from_the_beginning_change_nothing(inventory, order_event, shipment):
    await inventory.receive(500, received_at="2010-12-01T00:00:00Z")
    body = {"location_id": "main", "counted_at": "2010-12-05T06:00:00Z"}
    await inventory.post("/v1/counts", {**body, "lines": [{"sku": "lamp", "counted_quantity": 480}]})
    history = []
    for number in range(12):
        order = f"order-{number}"
        shipped: list[ShippedLine] = []
        history.append(order_event("OrderPlaced", 1, order_id=order))
        for sequence in (2, 3, 4):
            shipped.append(shipment(sequence + number, sequence, order_id=order))
            history.append(order_event("OrderShipped", sequence, *shipped, order_id=order))
    seeded = random.Random(7)
    for _ in range(4):
        delivery = seeded.sample(history, len(history)) + seeded.choices(history, k=10)
        while delivery:
            batch = [delivery.pop() for _ in range(min(len(delivery), seeded.randint(1, 9)))]
            await inventory.handle(*batch, remember=seeded.random() < 0.5)
    expected_shipped = 12 * (2 + 3 + 4)
    late = sum(
        line.quantity
        for event in history
        if event.sequence == 4
        for line in event.payload.shipments
        if line.shipped_at <= datetime(2010, 12, 5, 6, tzinfo=UTC)
    )
    assert 0 < late < expected_shipped
    assert (await inventory.level())[:2] == (480 - (expected_shipped - late), expected_shipped)
    await inventory.check()
    before, events = await inventory.level(), len(await inventory.events())
    await inventory.handle(*history, remember=False)
    assert (await inventory.level(), len(await inventory.events())) == (before, events)
