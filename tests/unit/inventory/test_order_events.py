"""Shipments and demand from order events: each counts once, in whatever order and however often events come."""

import random
from datetime import UTC, date, datetime
from typing import cast

from tests.unit.inventory.order_events import a_shipment, an_order_event

from event_contracts import OrderState, ShippedLine
from inventory_service.domain.customer_orders import DemandLine


async def test_a_shipment_moves_units_and_announces_the_level(inventory):
    await inventory.receive(10)
    inventory.events()
    cause = an_order_event("OrderShipped", 2, a_shipment(1, 4))
    await inventory.apply(cause)
    assert await inventory.level() == (6, 4, 2)
    [event] = inventory.events()
    assert (event.name, event.key, event.sequence, event.payload.reason) == ("StockLevelChanged", "lamp", 2, "shipment")
    [level] = event.payload.levels
    assert (level.on_hand, level.shipped, level.version, level.priority) == (6, 4, 2, 10)
    assert (event.causation_id, event.correlation_id) == (cause.id, cause.correlation_id)
    assert event.payload.occurred_at == a_shipment(1, 4).shipped_at
    inventory.check_ledger()


async def test_an_event_with_all_shipments_so_far_posts_only_the_new_ones(inventory):
    await inventory.receive(10)
    await inventory.apply(an_order_event("OrderShipped", 2, a_shipment(1, 4)))
    await inventory.apply(an_order_event("OrderShipped", 3, a_shipment(1, 4), a_shipment(2, 3)))
    assert (await inventory.level())[:2] == (3, 7)


async def test_a_shipment_that_is_repeated_changes_and_announces_nothing(inventory):
    await inventory.receive(10)
    event = an_order_event("OrderShipped", 2, a_shipment(1, 4))
    await inventory.apply(event)
    inventory.events()
    await inventory.apply(event, event)
    assert await inventory.level() == (6, 4, 2)
    assert inventory.events() == []


async def test_a_shipment_beyond_on_hand_records_the_missing_units_as_found(inventory):
    await inventory.receive(3)
    await inventory.apply(an_order_event("OrderShipped", 2, a_shipment(1, 5)))
    assert (await inventory.level())[:2] == (0, 5)
    assert [entry.kind for entry in await inventory.ledger()] == ["receipt", "found", "shipment"]
    inventory.check_ledger()


async def test_a_shipment_from_a_location_that_is_not_known_is_posted_all_the_same(inventory):
    gone = a_shipment(1, 2).model_copy(update={"location": "elsewhere", "sku": "ghost"})
    await inventory.apply(an_order_event("OrderShipped", 2, gone))
    assert (await inventory.level("ghost", "elsewhere"))[:2] == (0, 2)
    [event] = inventory.events()
    assert event.payload.levels[0].priority == 100, "a location that states no priority has this one"


async def test_a_shipment_of_no_units_is_none(inventory):
    await inventory.apply(an_order_event("OrderShipped", 2, a_shipment(1, 0)))
    assert (inventory.units.state.shipments, inventory.events()) == ({}, [])


async def test_a_return_after_a_shipment_is_a_receipt(inventory):
    await inventory.receive(5)
    await inventory.apply(an_order_event("OrderShipped", 2, a_shipment(1, 5)))
    await inventory.receive(2)
    assert (await inventory.level())[:2] == (2, 5)


async def test_many_shipments_of_one_batch_are_one_event_for_each_sku(inventory):
    await inventory.receive(100)
    inventory.events()
    orders = [f"order-{number}" for number in range(20)]
    await inventory.apply(
        *(an_order_event("OrderShipped", 2, a_shipment(1, 3, order_id=order), order_id=order) for order in orders)
    )
    assert await inventory.level() == (40, 60, 21)
    [event] = inventory.events()
    assert (event.sequence, event.payload.levels[0].on_hand) == (21, 40)


async def test_the_event_of_a_batch_happens_when_its_last_shipment_left(inventory):
    late, early = (
        an_order_event("OrderShipped", 2, a_shipment(hour, 1, order_id=order), order_id=order)
        for hour, order in ((9, "order-1"), (3, "order-2"))
    )
    await inventory.apply(late, early)
    [event] = inventory.events()
    assert (event.payload.occurred_at, event.causation_id) == (a_shipment(9, 1).shipped_at, early.id)


async def test_demand_is_the_newest_state_of_each_order_line(inventory):
    placed = an_order_event("OrderPlaced", 1, quantity=10)
    amended = an_order_event("OrderAmended", 2, quantity=7)
    cancelled = an_order_event("OrderCancelled", 3, quantity=7, cancelled=2)
    other = an_order_event("OrderPlaced", 1, order_id="order-2", quantity=4)
    for events in ((cancelled,), (placed, other, amended), (placed,)):
        await inventory.apply(*events)
    day = date(2010, 12, 1)
    assert list(inventory.units.state.demand.values()) == [
        DemandLine("order-1", "order-1-1", "lamp", day, 7, 2, 3),
        DemandLine("order-2", "order-2-1", "lamp", day, 4, 0, 1),
    ]


async def test_duplicates_and_shuffles_of_a_history_end_at_the_same_level(inventory):
    await inventory.receive(500, hour=0)
    await inventory.count(480, hour=4 * 24 + 6)
    history = []
    for number in range(12):
        order = f"order-{number}"
        shipped: list[ShippedLine] = []
        history.append(an_order_event("OrderPlaced", 1, order_id=order))
        for sequence in (2, 3, 4):
            shipped.append(a_shipment(sequence + number, sequence, order_id=order))
            history.append(an_order_event("OrderShipped", sequence, *shipped, order_id=order))
    counted_at = datetime(2010, 12, 5, 6, tzinfo=UTC)
    included = sum(
        line.quantity
        for event in history
        if event.sequence == 4
        for line in cast(OrderState, event.payload).shipments
        if line.shipped_at <= counted_at
    )
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
