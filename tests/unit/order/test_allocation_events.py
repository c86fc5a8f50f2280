"""What allocation reports is applied once, in any order, as it stands."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.shop import InMemoryShop, sums

from event_contracts import AllocationState, Event, payload_model
from order_service.application.apply_allocations import ALLOCATION_EVENTS
from order_service.entrypoints.consumer import HANDLED


async def test_a_declined_order_says_why(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5))
    await shop.apply(shop.answer(order, LineAnswer(declined=5, reason="cap reached"), name="OrderDeclined"))
    document = await shop.read(order)
    assert document["state"] == "declined"
    assert (document["lines"][0]["quantity_declined"], document["lines"][0]["reason"]) == (5, "cap reached")


async def test_duplicates_change_nothing(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5))
    event = shop.answer(order, LineAnswer(waiting=5), name="OrderBackordered")
    await shop.apply(event, event)
    await shop.apply(event)
    assert (await shop.read(order))["version"] == 2
    assert [entry["event"] for entry in await shop.history(order)] == ["OrderPlaced", "OrderBackordered"]


@pytest.mark.parametrize("seed", range(6))
async def test_shuffled_and_repeated_answers_end_in_the_newest_state(shop: InMemoryShop, seed: int) -> None:
    pick = random.Random(seed)
    order = await shop.place(("lamp", 9), ("bulb", 9))
    events: list[Event] = []
    for line, version in itertools.product((1, 2), range(1, 7)):
        granted = {"A": version, "B": version // 2}
        open_units = 9 - sum(granted.values())
        events.append(shop.answer(order, LineAnswer(line=line, allocated=granted, waiting=open_units)))
    events += pick.choices(events, k=8)
    pick.shuffle(events)
    while events:
        size = pick.randint(1, 5)
        await shop.apply(*events[:size])
        events = events[size:]
    document = await shop.read(order)
    assert [line["allocated"] for line in document["lines"]] == [{"A": 6, "B": 3}] * 2
    assert sums(document) == [(9, 9), (9, 9)]
    assert document["state"] == "allocated"
    versions = [entry["id"] for entry in await shop.history(order)]
    assert versions == sorted(set(versions))
    assert versions[-1] == document["version"]


async def test_an_answer_to_an_older_sequence_leaves_the_line_pending(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5))
    await shop.post(
        f"/v1/orders/{order['order_id']}/cancel", {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]}
    )
    await shop.apply(shop.answer(order, LineAnswer(waiting=5), basis=1))
    document = await shop.read(order)
    assert document["pending"] and document["lines"][0]["pending"]
    assert document["lines"][0]["quantity_backordered"] == 5
    await shop.apply(shop.answer(document, LineAnswer(waiting=3), basis=2))
    document = await shop.read(order)
    assert not document["pending"]
    assert sums(document) == [(5, 5)]


async def test_a_confirmation_of_the_same_version_ends_pending(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5))
    line = LineAnswer(allocated=5, line_version=1)
    await shop.apply(shop.answer(order, line))
    await shop.ship(order, 2)
    assert (await shop.read(order))["pending"]
    await shop.apply(shop.answer(order, line, basis=2))
    document = await shop.read(order)
    assert not document["pending"]
    assert sums(document) == [(5, 5)]


async def test_one_batch_holds_answers_of_many_orders_and_policies(shop: InMemoryShop) -> None:
    orders = [await shop.place(("lamp", 2), ("bulb", 1)) for _ in range(20)]
    events = []
    for order in orders:
        events.append(shop.answer(order, LineAnswer(waiting=2), LineAnswer(line=2, waiting=1)))
        events.append(shop.answer(order, LineAnswer(allocated=2), name="BackorderAllocated"))
    events.insert(7, shop.neighbours.sku("book"))
    await shop.apply(*events)
    await shop.place(("book", 1))
    for order in orders:
        document = await shop.read(order)
        assert (document["state"], document["version"]) == ("partially_allocated", 3)
        assert [entry["event"] for entry in await shop.history(order)] == [
            "OrderPlaced",
            "OrderAllocated",
            "BackorderAllocated",
        ]


async def test_units_that_left_before_a_deallocation_may_still_be_reported(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5), placed_at="2026-01-04T09:00:00Z")
    await shop.apply(shop.answer(order, LineAnswer(allocated=5)))
    later = datetime(2026, 1, 5, 7, tzinfo=UTC)
    taken = LineAnswer(allocated=1, waiting=4)
    await shop.apply(shop.answer(order, taken, name="AllocationReleased", decided_at=later))
    refused = await shop.ship(order, 5, shipped_at="2026-01-05T08:00:00Z")
    assert refused.json()["code"] == "not_allocated"
    assert (await shop.ship(order, 5, shipped_at="2026-01-05T06:00:00Z")).status_code == 201


async def test_a_deallocation_that_crosses_a_shipment_leaves_the_shipped_units(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5))
    await shop.apply(shop.answer(order, LineAnswer(allocated=5)))
    await shop.ship(order, 5)
    crossing = LineAnswer(allocated=1, waiting=4)
    await shop.apply(shop.answer(order, crossing, name="AllocationReleased", basis=1))
    document = await shop.read(order)
    assert (document["state"], document["lines"][0]["quantity_shipped"]) == ("shipped", 5)
    final = LineAnswer(allocated=5)
    await shop.apply(shop.answer(order, final, basis=2))
    assert sums(await shop.read(order)) == [(5, 5)]


def test_every_handled_event_has_a_payload_that_is_understood() -> None:
    assert all(payload_model(name) is AllocationState for name in ALLOCATION_EVENTS)
    assert {"SkuPolicyChanged", "SkuMerged", "NotificationSent"} == HANDLED - ALLOCATION_EVENTS


def test_the_subscription_has_a_use_case_for_each_handled_event(shop: InMemoryShop) -> None:
    assert shop.service.subscription is not None
    assert shop.service.subscription.types == HANDLED


async def test_the_parts_of_an_answer_are_applied_like_answers_of_their_own(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5), ("bulb", 5), ("lamp", 5))
    parts = [shop.answer(order, LineAnswer(line=line, allocated=5)) for line in (1, 2, 3)]
    assert len({part.payload.basis for part in parts if isinstance(part.payload, AllocationState)}) == 1
    for part in (parts[2], parts[0]):
        await shop.apply(part)
    assert (await shop.read(order))["state"] != "allocated"
    await shop.apply(parts[1], *parts)
    document = await shop.read(order)
    assert document["state"] == "allocated"
    assert sums(document) == [(5, 5)] * 3
