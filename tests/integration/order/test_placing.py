"""Placing orders over HTTP on the real database."""

from __future__ import annotations

import asyncio
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from order_service.adapters import sql_placement
from service_kit.testing import eventually
from service_kit.testing.usual_routes import without_fast_path

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


async def test_a_placed_order_is_pending_and_published_whole(shop: Any) -> None:
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
    [(name, key, payload)] = await shop.outbox()
    assert (name, key) == ("OrderPlaced", order["order_id"])
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
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same request reaches two processes. The second takes its snapshot before the first has committed, and
    the lock of the key after it."""
    add = sql_placement._ADD
    slow = copy(add)
    slow._sql = add._sql.replace("FROM unnest(", "FROM (SELECT pg_sleep(1)) AS slow, unnest(", 1)
    assert slow._sql != add._sql
    body = {"reference": "WEB-9", "lines": [{"sku": "lamp", "quantity": 1}]}
    headers = {"Idempotency-Key": "same"}
    async with shop.another_process() as other:
        monkeypatch.setattr(sql_placement, "_ADD", slow)
        waiting = asyncio.create_task(other.post("/v1/orders", json=body, headers=headers))
        await eventually(lambda: _sleeps(shop))
        monkeypatch.setattr(sql_placement, "_ADD", add)
        first = await shop.client.post("/v1/orders", json=body, headers=headers)
        repeat = await waiting
    assert (first.status_code, repeat.status_code) == (201, 201), repeat.text
    assert repeat.json()["order_id"] == first.json()["order_id"]
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert len(await shop.outbox()) == 1


async def _sleeps(shop: Any) -> bool:
    async with shop.database.reading() as conn:
        return bool((await conn.execute(text("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))).first())


async def test_prices_are_money_of_one_currency(shop: Any) -> None:
    lines = [{"sku": "lamp", "quantity": 1, "unit_price": {"amount": 4999, "currency": "GBP"}}]
    order = await shop.place(lines=lines)
    assert order["currency"] == "GBP"
    assert order["lines"][0]["unit_price"] == {"amount": 4999, "currency": "GBP"}
    mixed = [*lines, {"sku": "bulb", "quantity": 1, "unit_price": {"amount": 1, "currency": "EUR"}}]
    response = await shop.post_order(lines=mixed)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/lines/1/unit_price/currency"]


async def test_every_unknown_sku_is_named_and_nothing_is_stored(shop: Any) -> None:
    response = await shop.post_order(("lamp", 1), ("nope", 1), ("bulb", 1), ("Lamp", 1))
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/lines/1/sku", "/lines/3/sku"]
    assert "nope" not in response.text
    assert await shop.outbox() == []
    assert (await shop.client.get("/v1/orders")).json()["data"] == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"lines": []}, "/lines"),
        ({"lines": [{"sku": "lamp", "quantity": 0}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "lamp", "quantity": "2"}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "lamp", "quantity": 1_000_001}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "", "quantity": 1}]}, "/lines/0/sku"),
        ({"reference": ""}, "/reference"),
        ({"reference": "a\0b"}, "/reference"),
        ({"metadata": {"x": "a\0b"}}, "/metadata"),
        ({"metadata": {"x": 10**30, "y": [1]}}, "/metadata/y"),
        ({"shipcomplete": True}, "/shipcomplete"),
        ({"needed_by": "2026-13-01"}, "/needed_by"),
        ({"charge_at": "deposit"}, "/deposit_percent"),
        ({"deposit_percent": 10}, "/deposit_percent"),
        ({"needed_by": "2026-02-02", "latest_acceptable_date": "2026-02-01"}, "/latest_acceptable_date"),
        ({"placed_at": "2026-01-01T00:00:00"}, "/placed_at"),
        ({"placed_at": 0}, "/placed_at"),
        ({"needed_by": 20_000}, "/needed_by"),
        ({"lines": [{"sku": "lamp", "quantity": True}]}, "/lines/0/quantity"),
        ({"placed_at": "9999-12-31T23:59:59-12:00"}, "/placed_at"),
    ],
)
async def test_bad_input_is_refused_by_field(shop: Any, fields: dict[str, Any], pointer: str) -> None:
    response = await shop.post_order(("lamp", 1), **fields)
    assert response.status_code == 422, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert any(error["pointer"].startswith(pointer) for error in response.json()["errors"]), response.text
    assert await shop.outbox() == []


async def test_a_day_that_had_passed_when_the_order_was_placed_is_refused(shop: Any) -> None:
    refused = await shop.post_order(("lamp", 1), ("nope", 1), needed_by="2026-01-03")
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/needed_by", "/lines/1/sku"]
    late = await shop.post_order(("lamp", 1), latest_acceptable_date="2026-01-03")
    assert (late.status_code, late.json()["errors"][0]["pointer"]) == (422, "/latest_acceptable_date")
    then = {"needed_by": "2025-01-10"}
    imported = await shop.post_order(("lamp", 1), placed_at="2025-01-10T23:00:00Z", **then)
    assert imported.status_code == 201, "it had not passed on the day of the order"
    assert (await shop.post_order(("lamp", 1), placed_at="2025-01-12T12:00:00Z", **then)).status_code == 422


async def test_a_day_is_today_until_it_has_ended_everywhere(shop: Any) -> None:
    wanted = {"needed_by": "2026-01-04"}
    for moment, status in (("2026-01-05T11:59:59Z", 201), ("2026-01-05T12:00:00Z", 422)):
        assert (await shop.post_order(("lamp", 1), placed_at=moment, **wanted)).status_code == status, moment


async def test_a_repeated_request_is_answered_when_its_day_has_passed(shop: Any) -> None:
    first = await shop.post_order(("lamp", 1), reference="r", key="k", needed_by="2026-01-05")
    shop.clock.advance(timedelta(days=3))
    again = await shop.post_order(("lamp", 1), reference="r", key="k", needed_by="2026-01-05")
    assert (again.status_code, again.json()["order_id"]) == (201, first.json()["order_id"])


async def test_a_repeated_request_gets_the_first_answer_with_the_order_as_it_is_now(shop: Any) -> None:
    first = await shop.post_order(("lamp", 2), reference="same", key="k-1")
    order = first.json()
    await shop.deliver(shop.answer(order, shop.answer_line(order, allocated={"A": 2})))
    again = await shop.post_order(("lamp", 2), reference="same", key="k-1")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.json()["order_id"] == order["order_id"]
    assert again.json()["state"] == "allocated"
    assert len(await shop.outbox()) == 1
    other = await shop.post_order(("lamp", 3), reference="same", key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_the_key_is_required(shop: Any) -> None:
    response = await shop.client.post("/v1/orders", json={"reference": "x", "lines": [{"sku": "lamp", "quantity": 1}]})
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_missing")


async def test_a_reference_in_use_names_its_order(shop: Any) -> None:
    order = await shop.place(("lamp", 1), reference="taken")
    response = await shop.post_order(("bulb", 1), reference="taken")
    assert (response.status_code, response.json()["code"]) == (409, "reference_taken")
    assert response.json()["order_id"] == order["order_id"]


async def test_orders_that_arrive_together_succeed_or_fail_each_for_itself(shop: Any) -> None:
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
    assert len(await shop.outbox()) == 1 + 20 + 1 + 20


async def test_many_orders_share_a_transaction_of_a_few_statements(shop: Any) -> None:
    with shop.statements() as statements:
        await asyncio.gather(*(shop.post_order(("lamp", 1)) for _ in range(100)))
    assert sum("INSERT INTO customer_order" in statement for statement in statements) <= 10
    assert len(statements) <= 60


async def test_an_order_of_a_thousand_lines_is_accepted_and_one_more_is_not(shop: Any) -> None:
    order = await shop.place(*[("lamp", 1)] * 1000)
    assert len((await shop.read(order))["lines"]) == 1000
    assert (await shop.post_order(*[("lamp", 1)] * 1001)).status_code == 422


async def test_an_order_too_large_for_its_event_is_refused_alone(shop: Any) -> None:
    wide = "\N{COUCH AND LAMP}" * 100  # four bytes each
    await shop.know(wide)
    lines = [{"sku": wide, "quantity": 1_000_000, "unit_price": 10**12}] * 1000
    big, small = await asyncio.gather(shop.post_order(lines=lines), shop.post_order(("lamp", 1)))
    assert (big.status_code, big.json()["code"]) == (409, "order_too_large")
    assert small.status_code == 201


async def test_only_an_import_states_business_times(shop: Any) -> None:
    stated = "2010-12-01T08:26:00+00:00"
    order = await shop.place(("lamp", 1), placed_at=stated)
    assert order["placed_at"] == "2010-12-01T08:26:00Z"
    [(_, _, payload)] = await shop.outbox()
    assert payload.updated_at.year == 2010
    shop.client = shop.client_as("shopkeeper")
    response = await shop.post_order(("lamp", 1), placed_at=stated)
    assert (response.status_code, response.json()["code"]) == (403, "import_scope_required")


async def test_prefer_wait_answers_with_allocations_answer(shop: Any) -> None:
    waiting = asyncio.create_task(shop.post_order(("lamp", 3), headers={"Prefer": "respond-async, wait=5"}))
    [(_, _, placed)] = await eventually(shop.outbox)
    document = {
        "order_id": placed.order_id,
        "sequence": 1,
        "lines": [{"line_id": placed.lines[0].line_id, "sku": "lamp"}],
    }
    await shop.deliver(shop.answer(document, shop.answer_line(document, allocated={"A": 1}, waiting=2)))
    response = await waiting
    assert response.headers["Preference-Applied"] == "wait=5"
    assert response.headers["ETag"] == '"2"'
    order = response.json()
    assert (order["pending"], order["state"]) == (False, "partially_allocated")


async def test_prefer_wait_gives_up_after_the_time_asked_for(shop: Any) -> None:
    response = await shop.post_order(("lamp", 3), headers={"Prefer": "wait=1"})
    assert response.status_code == 201
    assert response.headers["Preference-Applied"] == "wait=1"
    assert response.json()["pending"]


async def test_a_waiting_request_sees_an_answer_that_another_process_applied(open_shop: Any) -> None:
    api = await open_shop()
    await api.know("lamp")
    waiting = asyncio.create_task(api.post_order(("lamp", 1), headers={"Prefer": "wait=5"}))
    [(_, _, placed)] = await eventually(api.outbox)
    # As a worker elsewhere would: not through this process's watch.
    async with api.database.transaction() as conn:
        await conn.execute(
            text("UPDATE customer_order SET answered = 1, version = 2 WHERE order_id = :id"), {"id": placed.order_id}
        )
    assert (await waiting).json()["version"] == 2


async def test_a_price_and_a_note_of_another_kind_are_refused_in_plain_words(shop: Any) -> None:
    line = {"sku": "lamp", "quantity": 1, "unit_price": 49.99}
    body = {"reference": "plain-words", "lines": [line], "metadata": {"gift": {"wrap": True}}}
    response = await shop.post("/v1/orders", body, key="plain-words")
    assert response.status_code == 422
    assert {error["pointer"]: error["detail"] for error in response.json()["errors"]} == {
        "/metadata/gift": "must be text, a number, true, false or null",
        "/lines/0/unit_price": "must be whole minor units, such as 4999, or {amount, currency}",
    }


async def test_an_order_is_answered_and_repeated_alike_on_the_fast_path_and_by_fastapis_own_route(shop: Any) -> None:
    async def ask(reference: str, **headers: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        body = {
            "reference": reference,
            "customer_id": "c1",
            "metadata": {"n": 3, "x": 1.5, "ü": None},
            "lines": [{"sku": "lamp", "quantity": 2.0, "unit_price": 499, "reference": "1"}],
        }
        answer = await shop.client.post("/v1/orders", json=body, headers={"Idempotency-Key": reference, **headers})
        own = {"content-length", "x-request-id", "ratelimit"}
        return answer.status_code, {k: v for k, v in answer.headers.items() if k not in own}, answer.json()

    def named(answer: tuple[int, dict[str, str], dict[str, Any]]) -> tuple[Any, ...]:
        """What differs from order to order, replaced by what it is."""
        status, headers, order = answer
        text = repr((headers, order)).replace(order["order_id"], "ORDER").replace(order["reference"], "REFERENCE")
        return status, text.replace(order["lines"][0]["line_id"], "LINE")

    fast = [await ask("F1"), await ask("F1"), await ask("F2", Prefer="wait=0.1")]
    without_fast_path(shop.client._transport.app)
    slow = [await ask("U1"), await ask("U1"), await ask("U2", Prefer="wait=0.1")]
    assert [named(each) for each in fast] == [named(each) for each in slow]
    assert [(status, headers.get("idempotent-replayed")) for status, headers, _ in slow] == [
        (201, None),
        (201, "true"),
        (201, None),
    ]
    assert await ask("F1") == fast[1], "an order of the fast path is repeated by FastAPI's route"
