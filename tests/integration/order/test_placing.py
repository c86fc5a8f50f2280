"""Placing orders over HTTP on the real database."""

from __future__ import annotations

import asyncio
from copy import copy
from datetime import timedelta

import pytest
from sqlalchemy import text
from tests.integration.order.conftest import OpenShop
from tests.integration.order.sql_shop import SqlShop
from tests.scenario import LineAnswer
from tests.unit.order.scenarios import NOW
from tests.unit.order.shop import order_in

from order_service.adapters import sql_new_orders
from service_kit.testing import eventually

pytestmark = pytest.mark.postgres


async def test_a_placed_order_is_pending_and_published_whole(shop: SqlShop) -> None:
    response = await shop.post_order(
        ("lamp", 2),
        ("bulb", 4),
        reference="WEB-1",
        customer_id="c1",
        contact_id="p1",
        tier="gold",
        channel="web",
        destination={"country": "DE", "region": "BE"},
        jurisdiction="EU",
        latest_acceptable_date="2026-03-01",
        ship_complete=True,
        charge_at="deposit",
        deposit_percent=20,
        location_preference="A",
        metadata={"gift": True, "note": "ring twice", "n": 3, "none": None},
    )
    assert response.status_code == 201
    order = response.json()
    assert response.headers["Location"] == f"/v1/orders/{order['order_id']}"
    assert response.headers["ETag"] == '"1"'
    assert (order["state"], order["pending"], order["version"], order["sequence"]) == ("pending", True, 1, 1)
    assert await shop.read(order) == order
    [event] = await shop.published()
    assert (event.name, event.key) == ("OrderPlaced", order["order_id"])
    payload = order_in(event)
    assert payload.reference == "WEB-1"
    assert payload.placed_at == payload.updated_at == NOW
    assert (payload.customer_id, payload.contact_id, payload.tier, payload.channel) == ("c1", "p1", "gold", "web")
    assert (payload.country, payload.region, payload.jurisdiction) == ("DE", "BE", "EU")
    assert (payload.ship_complete, payload.location_preference) == (True, "A")
    assert str(payload.latest_acceptable_date) == "2026-03-01"
    assert [(line.line_id, line.sku, line.quantity) for line in payload.lines] == [
        (order["lines"][0]["line_id"], "lamp", 2),
        (order["lines"][1]["line_id"], "bulb", 4),
    ]


async def test_a_key_recorded_while_the_statement_waits_for_its_lock_is_a_repeat_and_no_taken_reference(
    shop: SqlShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same request reaches two processes. The second takes its snapshot before the first has committed, and
    the lock of the key after it."""
    add = sql_new_orders._ADD
    slow = copy(add)
    slow._sql = add._sql.replace("FROM unnest(", "FROM (SELECT pg_sleep(1)) AS slow, unnest(", 1)
    assert slow._sql != add._sql
    body = {"reference": "WEB-9", "lines": [{"sku": "lamp", "quantity": 1}]}
    headers = {"Idempotency-Key": "same"}
    async with shop.another_process() as other:
        monkeypatch.setattr(sql_new_orders, "_ADD", slow)
        waiting = asyncio.create_task(other.client.post("/v1/orders", json=body, headers=headers))
        await eventually(lambda: _sleeps(shop))
        monkeypatch.setattr(sql_new_orders, "_ADD", add)
        first = await shop.client.post("/v1/orders", json=body, headers=headers)
        repeat = await waiting
    assert (first.status_code, repeat.status_code) == (201, 201), repeat.text
    assert repeat.json()["order_id"] == first.json()["order_id"]
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert len(await shop.published()) == 1


async def _sleeps(shop: SqlShop) -> bool:
    async with shop.database.reading() as conn:
        return bool((await conn.execute(text("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))).first())


async def test_a_repeated_request_is_answered_when_its_day_has_passed(shop: SqlShop) -> None:
    first = await shop.post_order(("lamp", 1), reference="r", key="k", needed_by="2026-01-05")
    shop.clock.advance(timedelta(days=3))
    again = await shop.post_order(("lamp", 1), reference="r", key="k", needed_by="2026-01-05")
    assert (again.status_code, again.json()["order_id"]) == (201, first.json()["order_id"])


async def test_a_repeated_request_gets_the_first_answer_with_the_order_as_it_is_now(shop: SqlShop) -> None:
    first = await shop.post_order(("lamp", 2), reference="same", key="k-1")
    order = first.json()
    await shop.apply(shop.answer(order, LineAnswer(allocated=2)))
    again = await shop.post_order(("lamp", 2), reference="same", key="k-1")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.json()["order_id"] == order["order_id"]
    assert again.json()["state"] == "allocated"
    assert len(await shop.published()) == 1
    other = await shop.post_order(("lamp", 3), reference="same", key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_reference_in_use_names_its_order(shop: SqlShop) -> None:
    order = await shop.place(("lamp", 1), reference="taken")
    response = await shop.post_order(("bulb", 1), reference="taken")
    assert (response.status_code, response.json()["code"]) == (409, "reference_taken")
    assert response.json()["order_id"] == order["order_id"]


async def test_orders_that_arrive_together_succeed_or_fail_each_for_itself(shop: SqlShop) -> None:
    taken = await shop.place(("lamp", 1), reference="taken")
    responses = await asyncio.gather(
        *(shop.post_order(("lamp", number + 1), reference=f"N{number}") for number in range(20)),
        shop.post_order(("lamp", 1), reference="taken"),
        shop.post_order(("lamp", 1), reference="twin"),
        shop.post_order(("bulb", 1), reference="twin"),
        shop.post_order(("ghost", 1)),
        *(shop.post_order(("bulb", number + 1), reference=f"M{number}") for number in range(20)),
    )
    codes = [response.status_code for response in responses]
    assert codes[:20] == [201] * 20
    assert codes[24:] == [201] * 20
    assert responses[20].json()["order_id"] == taken["order_id"]
    assert sorted(codes[21:23]) == [201, 409]
    winner, loser = sorted(responses[21:23], key=lambda response: response.status_code)
    assert loser.json()["order_id"] == winner.json()["order_id"]
    assert codes[23] == 422
    assert len(await shop.published()) == 1 + 20 + 1 + 20


async def test_many_orders_share_one_statement(shop: SqlShop) -> None:
    await shop.place(("lamp", 1))
    async with shop.statements() as statements:
        await asyncio.gather(*(shop.post_order(("lamp", 1)) for _ in range(100)))
    placing = ["INSERT INTO customer_order" in statement for statement in statements]
    assert 1 <= sum(placing) <= 10
    assert all(placing), "nothing but placing: no transaction around it, no look-up of a SKU that is known"


async def test_an_order_of_a_thousand_lines_is_accepted_and_one_more_is_not(shop: SqlShop) -> None:
    order = await shop.place(*[("lamp", 1)] * 1000)
    assert len((await shop.read(order))["lines"]) == 1000
    assert (await shop.post_order(*[("lamp", 1)] * 1001)).status_code == 422


async def test_a_waiting_request_sees_an_answer_that_another_process_applied(open_shop: OpenShop) -> None:
    api = await open_shop()
    await api.know("lamp")
    waiting = asyncio.create_task(api.post_order(("lamp", 1), headers={"Prefer": "wait=5"}))
    [placed] = await eventually(api.published)
    async with api.another_process() as worker:
        await worker.apply(worker.neighbours.answer(order_in(placed), LineAnswer(allocated=1)))
        assert (await waiting).json()["version"] == 2
