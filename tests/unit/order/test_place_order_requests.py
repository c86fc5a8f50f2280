"""Requests to place an order: what is accepted, and how the rest is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.shop import InMemoryShop, order_in

from service_kit.testing import eventually
from service_kit.testing.usual_routes import without_fast_path


async def test_prices_are_money_of_one_currency(shop: InMemoryShop) -> None:
    lines = [{"sku": "lamp", "quantity": 1, "unit_price": {"amount": 4999, "currency": "GBP"}}]
    order = await shop.place(lines=lines)
    assert order["currency"] == "GBP"
    assert order["lines"][0]["unit_price"] == {"amount": 4999, "currency": "GBP"}
    mixed = [*lines, {"sku": "bulb", "quantity": 1, "unit_price": {"amount": 1, "currency": "EUR"}}]
    response = await shop.post_order(lines=mixed)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/lines/1/unit_price/currency"]


async def test_every_unknown_sku_is_named_and_nothing_is_stored(shop: InMemoryShop) -> None:
    response = await shop.post_order(("lamp", 1), ("nope", 1), ("bulb", 1), ("Lamp", 1))
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/lines/1/sku", "/lines/3/sku"]
    assert "nope" not in response.text
    assert await shop.published() == []
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
async def test_bad_input_is_refused_by_field(shop: InMemoryShop, fields: dict[str, Any], pointer: str) -> None:
    response = await shop.post_order(("lamp", 1), **fields)
    assert response.status_code == 422, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert any(error["pointer"].startswith(pointer) for error in response.json()["errors"]), response.text
    assert await shop.published() == []


async def test_a_day_that_had_passed_when_the_order_was_placed_is_refused(shop: InMemoryShop) -> None:
    refused = await shop.post_order(("lamp", 1), ("nope", 1), needed_by="2026-01-03")
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/needed_by", "/lines/1/sku"]
    late = await shop.post_order(("lamp", 1), latest_acceptable_date="2026-01-03")
    assert (late.status_code, late.json()["errors"][0]["pointer"]) == (422, "/latest_acceptable_date")
    then: dict[str, Any] = {"needed_by": "2025-01-10"}
    imported = await shop.post_order(("lamp", 1), placed_at="2025-01-10T23:00:00Z", **then)
    assert imported.status_code == 201, "it had not passed on the day of the order"
    assert (await shop.post_order(("lamp", 1), placed_at="2025-01-12T12:00:00Z", **then)).status_code == 422


async def test_a_day_is_today_until_it_has_ended_everywhere(shop: InMemoryShop) -> None:
    wanted: dict[str, Any] = {"needed_by": "2026-01-03"}
    for moment, status in (("2026-01-04T11:59:59Z", 201), ("2026-01-04T12:00:00Z", 422)):
        assert (await shop.post_order(("lamp", 1), placed_at=moment, **wanted)).status_code == status, moment


async def test_the_key_is_required(shop: InMemoryShop) -> None:
    response = await shop.client.post("/v1/orders", json={"reference": "x", "lines": [{"sku": "lamp", "quantity": 1}]})
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_missing")


async def test_an_order_too_large_for_its_event_is_refused_alone(shop: InMemoryShop) -> None:
    wide = "\N{COUCH AND LAMP}" * 100  # four bytes each
    await shop.know(wide)
    lines = [{"sku": wide, "quantity": 1_000_000, "unit_price": 10**12}] * 1000
    big, small = await asyncio.gather(shop.post_order(lines=lines), shop.post_order(("lamp", 1)))
    assert (big.status_code, big.json()["code"]) == (409, "order_too_large")
    assert small.status_code == 201


async def test_only_an_import_states_business_times(shop: InMemoryShop) -> None:
    stated = "2010-12-01T08:26:00+00:00"
    order = await shop.place(("lamp", 1), placed_at=stated)
    assert order["placed_at"] == "2010-12-01T08:26:00Z"
    [event] = await shop.published()
    assert order_in(event).updated_at.year == 2010
    shop.client = shop.client_as("shopkeeper")
    response = await shop.post_order(("lamp", 1), placed_at=stated)
    assert (response.status_code, response.json()["code"]) == (403, "import_scope_required")


async def test_prefer_wait_answers_with_allocations_answer(shop: InMemoryShop) -> None:
    waiting = asyncio.create_task(shop.post_order(("lamp", 3), headers={"Prefer": "respond-async, wait=5"}))
    [placed] = await eventually(shop.published)
    await shop.apply(shop.neighbours.answer(order_in(placed), LineAnswer(allocated=1, waiting=2)))
    response = await waiting
    assert response.headers["Preference-Applied"] == "wait=5"
    assert response.headers["ETag"] == '"2"'
    order = response.json()
    assert (order["pending"], order["state"]) == (False, "partially_allocated")


async def test_prefer_wait_gives_up_after_the_time_asked_for(shop: InMemoryShop) -> None:
    response = await shop.post_order(("lamp", 3), headers={"Prefer": "wait=1"})
    assert response.status_code == 201
    assert response.headers["Preference-Applied"] == "wait=1"
    assert response.json()["pending"]


async def test_a_price_and_a_note_of_another_kind_are_refused_in_plain_words(shop: InMemoryShop) -> None:
    line = {"sku": "lamp", "quantity": 1, "unit_price": 49.99}
    body = {"reference": "plain-words", "lines": [line], "metadata": {"gift": {"wrap": True}}}
    response = await shop.post("/v1/orders", body, key="plain-words")
    assert response.status_code == 422
    assert {error["pointer"]: error["detail"] for error in response.json()["errors"]} == {
        "/metadata/gift": "must be text, a number, true, false or null",
        "/lines/0/unit_price": "must be whole minor units, such as 4999, or {amount, currency}",
    }


async def test_an_order_is_answered_and_repeated_alike_on_the_fast_path_and_by_fastapis_own_route(
    shop: InMemoryShop,
) -> None:
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
    without_fast_path(shop.app)
    slow = [await ask("U1"), await ask("U1"), await ask("U2", Prefer="wait=0.1")]
    assert [named(each) for each in fast] == [named(each) for each in slow]
    assert [(status, headers.get("idempotent-replayed")) for status, headers, _ in slow] == [
        (201, None),
        (201, "true"),
        (201, None),
    ]
    assert await ask("F1") == fast[1], "an order of the fast path is repeated by FastAPI's route"


async def test_a_sku_that_may_be_known_in_a_moment_is_refused_with_when_to_repeat(shop: InMemoryShop) -> None:
    refused = await shop.post_order(("brand-new", 1))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/lines/0/sku")
    assert refused.json()["retry_after"] == int(refused.headers["Retry-After"]) == 1
    both = await shop.post_order(("brand-new", 1), needed_by="2020-01-01")
    assert "Retry-After" not in both.headers, "repeating it would not help"


async def test_references_that_look_alike_are_one(shop: InMemoryShop) -> None:
    await shop.place(("lamp", 1), reference="WEB-1")
    for alike in ("WEB-1 ", "\u00a0WEB-1", "WEB-1\u2003"):
        response = await shop.post_order(("lamp\u00a0", 1), reference=alike)
        assert (response.status_code, response.json()["code"]) == (409, "reference_taken")
    refused = await shop.post_order(("lamp\u200b", 1), reference="WEB\u20602")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/reference", "/lines/0/sku"]
