"""What allocation and inventory report: applied once, in any order, as it stands."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from event_contracts import AllocationState, Event
from order_service.application.errors import UnexpectedAllocation

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


async def history(shop: Any, order: dict[str, Any]) -> list[dict[str, Any]]:
    response = await shop.client.get(f"/v1/orders/{order['order_id']}/events", params={"limit": 500})
    return list(response.json()["data"])


async def test_an_answer_is_stored_as_it_comes(shop: Any) -> None:
    order = await shop.place(("lamp", 5))
    line = shop.answer_line(order, allocated={"A": 1, "B": 1}, waiting=3, promised=date(2026, 2, 1), reason="inbound")
    await shop.deliver(shop.answer(order, line, name="OrderBackordered"))
    document = await shop.read(order)
    assert (document["state"], document["version"], document["sequence"]) == ("partially_allocated", 2, 1)
    shown = document["lines"][0]
    assert (shown["quantity_allocated"], shown["quantity_backordered"]) == (2, 3)
    assert shown["allocated"] == {"A": 1, "B": 1}
    assert (shown["promise_date"], shown["reason"]) == ("2026-02-01", "inbound")
    assert shown["promise"] == {"date": "2026-02-01", "time_zone": "UTC", "revision": 1, "cause": "inbound"}
    assert shop.sums(document) == [(5, 5)]
    assert len(await shop.outbox()) == 1


async def test_a_declined_order_says_why(shop: Any) -> None:
    order = await shop.place(("lamp", 5))
    await shop.deliver(
        shop.answer(order, shop.answer_line(order, declined=5, reason="cap reached"), name="OrderDeclined")
    )
    document = await shop.read(order)
    assert document["state"] == "declined"
    assert (document["lines"][0]["quantity_declined"], document["lines"][0]["reason"]) == (5, "cap reached")


async def test_the_reason_of_an_answer_is_kept_as_a_code_beside_its_words(shop: Any) -> None:
    order = await shop.place(("lamp", 5))
    shown = (await shop.read(order))["lines"][0]
    assert (shown["reason"], shown["reason_code"], shown["reason_parameters"]) == ("", None, {})
    coded = {"reason_code": "held_back", "reason_parameters": {"tier": "gold", "or_better": True, "kept": 3}}
    line = shop.answer_line(order, waiting=5, reason="held back for tier gold or better: 3 kept", **coded)
    await shop.deliver(shop.answer(order, line, name="OrderBackordered"))
    shown = (await shop.read(order))["lines"][0]
    assert {name: shown[name] for name in coded} == coded
    told = (await history(shop, order))[-1]["detail"]["lines"][0]
    assert {name: told[name] for name in coded} == coded
    # A newer answer without a code, of a release that has none, leaves none of the older one.
    await shop.deliver(shop.answer(order, shop.answer_line(order, version=2, allocated={"A": 5}, reason="granted")))
    shown = (await shop.read(order))["lines"][0]
    assert (shown["reason"], shown["reason_code"], shown["reason_parameters"]) == ("granted", None, {})


async def test_duplicates_change_nothing(shop: Any) -> None:
    order = await shop.place(("lamp", 5))
    event = shop.answer(order, shop.answer_line(order, waiting=5), name="OrderBackordered")
    await shop.deliver(event, event)
    await shop.deliver(event)
    assert (await shop.read(order))["version"] == 2
    assert [entry["event"] for entry in await history(shop, order)] == ["OrderPlaced", "OrderBackordered"]


@pytest.mark.parametrize("seed", range(6))
async def test_shuffled_and_repeated_answers_end_in_the_newest_state(shop: Any, seed: int) -> None:
    pick = random.Random(seed)
    order = await shop.place(("lamp", 9), ("bulb", 9))
    events: list[Event] = []
    for line, version in itertools.product((0, 1), range(1, 7)):
        granted = {"A": version, "B": version // 2}
        open_units = 9 - sum(granted.values())
        events.append(
            shop.answer(order, shop.answer_line(order, line, version=version, allocated=granted, waiting=open_units))
        )
    events += pick.choices(events, k=8)
    pick.shuffle(events)
    while events:
        size = pick.randint(1, 5)
        await shop.deliver(*events[:size])
        events = events[size:]
    document = await shop.read(order)
    assert [line["allocated"] for line in document["lines"]] == [{"A": 6, "B": 3}] * 2
    assert shop.sums(document) == [(9, 9), (9, 9)]
    assert document["state"] == "allocated"
    versions = [entry["id"] for entry in await history(shop, order)]
    assert versions == sorted(set(versions))
    assert versions[-1] == document["version"]


async def test_an_answer_to_an_older_sequence_leaves_the_line_pending(shop: Any) -> None:
    order = await shop.place(("lamp", 5))
    await shop.post(
        f"/v1/orders/{order['order_id']}/cancel", {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]}
    )
    await shop.deliver(shop.answer(order, shop.answer_line(order, waiting=5), basis=1))
    document = await shop.read(order)
    assert document["pending"] and document["lines"][0]["pending"]
    assert document["lines"][0]["quantity_backordered"] == 5
    await shop.deliver(shop.answer(document, shop.answer_line(order, version=2, waiting=3), basis=2))
    document = await shop.read(order)
    assert not document["pending"]
    assert shop.sums(document) == [(5, 5)]


async def test_a_confirmation_of_the_same_version_ends_pending(shop: Any) -> None:
    order = await shop.place(("lamp", 5))
    line = shop.answer_line(order, allocated={"A": 5})
    await shop.deliver(shop.answer(order, line))
    await shop.ship(order, 2)
    assert (await shop.read(order))["pending"]
    await shop.deliver(shop.answer(order, line, basis=2))
    document = await shop.read(order)
    assert not document["pending"]
    assert shop.sums(document) == [(5, 5)]


async def test_one_batch_holds_answers_of_many_orders_and_policies(shop: Any) -> None:
    orders = [await shop.place(("lamp", 2), ("bulb", 1)) for _ in range(20)]
    events = []
    for order in orders:
        events.append(shop.answer(order, shop.answer_line(order, 0, waiting=2), shop.answer_line(order, 1, waiting=1)))
        events.append(
            shop.answer(order, shop.answer_line(order, 0, version=2, allocated={"A": 2}), name="BackorderAllocated")
        )
    await shop.deliver(*events)
    for order in orders:
        document = await shop.read(order)
        assert (document["state"], document["version"]) == ("partially_allocated", 3)
        assert [entry["event"] for entry in await history(shop, order)] == [
            "OrderPlaced",
            "OrderAllocated",
            "BackorderAllocated",
        ]


async def test_a_batch_costs_a_fixed_number_of_statements(shop: Any) -> None:
    orders = [await shop.place(("lamp", 2)) for _ in range(30)]
    events = [shop.answer(order, shop.answer_line(order, allocated={"A": 2})) for order in orders]
    with shop.statements() as statements:
        await shop.deliver(*events)
    assert len(statements) <= 8


async def test_an_answer_for_a_foreign_order_or_line_is_refused_whole(shop: Any) -> None:
    order, other = await shop.place(("lamp", 2)), await shop.place(("lamp", 2))
    good = shop.answer(order, shop.answer_line(order, allocated={"A": 2}))
    foreign = shop.answer({**order, "order_id": "nope"}, shop.answer_line(order))
    crossed = shop.answer(order, shop.answer_line(other, version=2, waiting=2))
    for bad in (foreign, crossed):
        with pytest.raises(UnexpectedAllocation):
            await shop.deliver(good, bad)
    assert (await shop.read(order))["version"] == 1


async def test_the_stored_state_is_what_the_lines_say(shop: Any) -> None:
    """The sums of the database and those of the domain are the same."""
    pick = random.Random(7)
    for _ in range(25):
        order = await shop.place(*[("lamp", 4)] * 3)
        for version in range(1, pick.randint(2, 5)):
            index = pick.randrange(3)
            granted = pick.randint(0, 4)
            declined = pick.randint(0, 4 - granted)
            line = shop.answer_line(
                order,
                index,
                version=version,
                allocated={"A": granted},
                waiting=4 - granted - declined,
                declined=declined,
            )
            await shop.deliver(shop.answer(order, line))
            if pick.random() < 0.5:
                await shop.ship(order, 1, line=index)
            if pick.random() < 0.3:
                units = {"line_id": order["lines"][index]["line_id"], "quantity": 1}
                await shop.post(f"/v1/orders/{order['order_id']}/cancel", {"lines": [units]})
    async with shop.database.reading() as conn:
        stored = (await conn.execute(text("SELECT order_id, state FROM customer_order"))).all()
    for order_id, state in stored:
        assert (await shop.read({"order_id": order_id}))["state"] == state


async def test_an_older_policy_does_not_undo_a_newer_one(shop: Any) -> None:
    await shop.know("book", release_at=NOW, version=3)
    await shop.know("book", version=2)
    async with shop.database.reading() as conn:
        row = (await conn.execute(text("SELECT version, mode FROM sku WHERE sku = 'book'"))).one()
    assert tuple(row) == (3, "preorder")


async def test_units_that_left_before_a_take_back_may_still_be_reported(shop: Any) -> None:
    order = await shop.place(("lamp", 5))
    await shop.deliver(shop.answer(order, shop.answer_line(order, allocated={"A": 5})))
    later = datetime(2026, 1, 5, 12, tzinfo=UTC)
    taken = shop.answer_line(order, version=2, allocated={"A": 1}, waiting=4)
    await shop.deliver(shop.answer(order, taken, name="AllocationReleased", at=later))
    refused = await shop.ship(order, 5, shipped_at="2026-01-05T13:00:00Z")
    assert refused.json()["code"] == "not_allocated"
    assert (await shop.ship(order, 5, shipped_at="2026-01-05T11:00:00Z")).status_code == 201


async def test_a_take_back_that_crosses_a_shipment_leaves_what_left(shop: Any) -> None:
    order = await shop.place(("lamp", 5))
    await shop.deliver(shop.answer(order, shop.answer_line(order, allocated={"A": 5})))
    await shop.ship(order, 5)
    crossing = shop.answer_line(order, version=2, allocated={"A": 1}, waiting=4)
    await shop.deliver(shop.answer(order, crossing, name="AllocationReleased", basis=1))
    document = await shop.read(order)
    assert (document["state"], document["lines"][0]["quantity_shipped"]) == ("shipped", 5)
    final = shop.answer_line(order, version=3, allocated={"A": 5})
    await shop.deliver(shop.answer(order, final, basis=2))
    assert shop.sums(await shop.read(order)) == [(5, 5)]


def test_every_handled_event_has_a_payload_that_is_understood() -> None:
    from event_contracts import payload_model  # noqa: PLC0415
    from order_service.application.apply_allocations import ALLOCATION_EVENTS  # noqa: PLC0415
    from order_service.entrypoints.consumer import HANDLED  # noqa: PLC0415

    assert all(payload_model(name) is AllocationState for name in ALLOCATION_EVENTS)
    assert {"SkuPolicyChanged"} == HANDLED - ALLOCATION_EVENTS
