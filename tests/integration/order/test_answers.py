"""What allocation and inventory report: applied once, in any order, as it stands."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from tests.integration.order.sql_shop import SqlShop
from tests.scenario import LineAnswer
from tests.unit.order.shop import sums

from order_service.application.errors import UnexpectedAllocation

pytestmark = pytest.mark.postgres


async def test_an_answer_is_stored_as_it_comes(shop: SqlShop) -> None:
    order = await shop.place(("lamp", 5))
    line = LineAnswer(allocated={"A": 1, "B": 1}, waiting=3, promise=date(2026, 2, 1), reason="inbound")
    await shop.apply(shop.answer(order, line, name="OrderBackordered"))
    document = await shop.read(order)
    assert (document["state"], document["version"], document["sequence"]) == ("partially_allocated", 2, 1)
    shown = document["lines"][0]
    assert (shown["quantity_allocated"], shown["quantity_backordered"]) == (2, 3)
    assert shown["allocated"] == {"A": 1, "B": 1}
    assert (shown["promise_date"], shown["reason"]) == ("2026-02-01", "inbound")
    assert shown["promise"] == {"date": "2026-02-01", "time_zone": "UTC", "revision": 1, "cause": "inbound"}
    assert sums(document) == [(5, 5)]
    assert len(await shop.published()) == 1


async def test_a_batch_costs_a_fixed_number_of_statements(shop: SqlShop) -> None:
    async def cost(orders: int) -> int:
        placed = [await shop.place(("lamp", 2), ("bulb", 1)) for _ in range(orders)]
        events = [shop.answer(order, LineAnswer(allocated=2)) for order in placed]
        async with shop.statements() as statements:
            await shop.apply(*events)
        return len(statements)

    assert await cost(1) == await cost(30) <= 8


async def test_the_reason_of_an_answer_is_kept_as_a_code_beside_its_words(shop: SqlShop) -> None:
    order = await shop.place(("lamp", 5))
    shown = (await shop.read(order))["lines"][0]
    assert (shown["reason"], shown["reason_code"], shown["reason_parameters"]) == ("", None, {})
    coded: dict[str, Any] = {
        "reason_code": "held_back",
        "reason_parameters": {"tier": "gold", "or_better": True, "kept": 3},
    }
    line = LineAnswer(waiting=5, reason="held back for tier gold or better: 3 kept", **coded)
    await shop.apply(shop.answer(order, line, name="OrderBackordered"))
    shown = (await shop.read(order))["lines"][0]
    assert {name: shown[name] for name in coded} == coded
    recorded = (await shop.history(order))[-1]["detail"]["lines"][0]
    assert {name: recorded[name] for name in coded} == coded
    # A newer answer without a code, of a release that has none, leaves none of the older one.
    await shop.apply(shop.answer(order, LineAnswer(allocated=5, reason="granted")))
    shown = (await shop.read(order))["lines"][0]
    assert (shown["reason"], shown["reason_code"], shown["reason_parameters"]) == ("granted", None, {})


async def test_an_answer_for_a_foreign_order_or_line_is_refused_whole(shop: SqlShop) -> None:
    order, other = await shop.place(("lamp", 2)), await shop.place(("lamp", 2))
    good = shop.answer(order, LineAnswer(allocated=2))
    foreign = shop.answer({**order, "order_id": "nope"}, LineAnswer())
    crossed = shop.answer({**order, "lines": other["lines"]}, LineAnswer(waiting=2))
    for bad in (foreign, crossed):
        with pytest.raises(UnexpectedAllocation):
            await shop.apply(good, bad)
    assert (await shop.read(order))["version"] == 1


async def test_the_stored_state_is_what_the_lines_say(shop: SqlShop) -> None:
    """The sums of the database and those of the domain are the same."""
    pick = random.Random(7)
    for _ in range(25):
        order = await shop.place(*[("lamp", 4)] * 3)
        for _ in range(1, pick.randint(2, 5)):
            index = pick.randrange(3)
            granted = pick.randint(0, 4)
            declined = pick.randint(0, 4 - granted)
            line = LineAnswer(line=index + 1, allocated=granted, waiting=4 - granted - declined, declined=declined)
            await shop.apply(shop.answer(order, line))
            if pick.random() < 0.5:
                await shop.ship(order, 1, line=index)
            if pick.random() < 0.3:
                units = {"line_id": order["lines"][index]["line_id"], "quantity": 1}
                await shop.post(f"/v1/orders/{order['order_id']}/cancel", {"lines": [units]})
    async with shop.database.reading() as conn:
        stored = (await conn.execute(text("SELECT order_id, state FROM customer_order"))).all()
    for order_id, state in stored:
        assert (await shop.read({"order_id": order_id}))["state"] == state
