"""Requests to amend, cancel and ship: what is accepted, and how the rest is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.scenarios import NOW
from tests.unit.order.shop import InMemoryShop, sums


async def test_dates_are_amended_to_such_as_an_order_could_name(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1), needed_by="2026-01-05", latest_acceptable_date="2026-02-01")
    path = f"/v1/orders/{order['order_id']}"

    async def pointers(body: dict[str, Any]) -> list[str]:
        refused = await shop.patch(path, body, 1)
        assert refused.status_code == 422, refused.text
        return [error["pointer"] for error in refused.json()["errors"]]

    assert await pointers({"needed_by": "2026-01-03"}) == ["/needed_by"]
    assert await pointers({"needed_by": "2026-02-02"}) == ["/needed_by"], "later than what stands beside it"
    assert await pointers({"latest_acceptable_date": "2026-01-04"}) == ["/latest_acceptable_date"]
    assert await pointers({"needed_by": None, "latest_acceptable_date": "2026-01-03"}) == ["/latest_acceptable_date"]
    both = {"needed_by": "2026-03-02", "latest_acceptable_date": "2026-03-01"}
    assert await pointers(both) == ["/latest_acceptable_date"]
    assert len(await shop.published()) == 1, "nothing was changed or told"
    shop.clock.advance(timedelta(days=10))
    same = await shop.patch(path, {"needed_by": "2026-01-05", "destination": {"country": "FR"}}, 1)
    assert same.status_code == 200, "a date that stands was judged when it came"
    cleared = await shop.patch(path, {"needed_by": None}, 2)
    assert (cleared.status_code, cleared.json()["needed_by"]) == (200, None)


async def test_a_change_needs_the_version_it_was_made_on(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    assert (await shop.patch(path, {"needed_by": "2026-02-01"}, None)).status_code == 428
    assert (await shop.patch(path, {"needed_by": "2026-02-01"}, 7)).status_code == 412
    line = f"{path}/lines/{order['lines'][0]['line_id']}"
    assert (await shop.patch(line, {"quantity": 2}, None)).status_code == 428
    assert (await shop.patch(line, {"quantity": 2}, 1)).status_code == 200
    assert (await shop.patch(line, {"quantity": 3}, 1)).status_code == 412


async def test_an_amended_quantity_is_pending_until_answered(shop: InMemoryShop) -> None:
    order = await shop.allocated(("lamp", 2))
    line = f"/v1/orders/{order['order_id']}/lines/{order['lines'][0]['line_id']}"
    grown = (await shop.patch(line, {"quantity": 5}, order["version"])).json()
    assert (grown["pending"], grown["lines"][0]["pending"], grown["state"]) == (True, True, "partially_allocated")
    await shop.apply(shop.answer(grown, LineAnswer(allocated=2, waiting=3)))
    settled = await shop.read(order)
    assert not settled["pending"]
    assert sums(settled) == [(5, 5)]


async def test_the_same_quantity_changes_and_publishes_nothing(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 2))
    line = f"/v1/orders/{order['order_id']}/lines/{order['lines'][0]['line_id']}"
    assert (await shop.patch(line, {"quantity": 2}, 1)).json()["version"] == 1
    assert len(await shop.published()) == 1


async def test_an_unknown_order_or_line_is_not_found(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 2))
    assert (await shop.patch("/v1/orders/nope", {"needed_by": None}, 1)).status_code == 404
    path = f"/v1/orders/{order['order_id']}/lines/nope"
    assert (await shop.patch(path, {"quantity": 1}, 1)).json()["code"] == "line_not_found"
    cancelled = await shop.post(
        f"/v1/orders/{order['order_id']}/cancel",
        {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 1}, {"line_id": "nope", "quantity": 1}]},
    )
    assert cancelled.status_code == 422
    assert [error["pointer"] for error in cancelled.json()["errors"]] == ["/lines/1/line_id"]


async def test_cancelling_without_a_body_cancels_everything(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 2))
    answer = await shop.client.post(f"/v1/orders/{order['order_id']}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def test_shipped_units_cannot_be_cancelled(shop: InMemoryShop) -> None:
    order = await shop.allocated(("lamp", 5))
    assert (await shop.ship(order, 3)).status_code == 201
    body = {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 3}]}
    refused = await shop.post(f"/v1/orders/{order['order_id']}/cancel", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    assert refused.json()["state"] == "partially_shipped"
    assert refused.json()["lines"][0]["quantity_shipped"] == 3
    assert [event.name for event in await shop.published()] == ["OrderPlaced", "OrderShipped"]


@pytest.mark.parametrize(
    ("quantity", "fields", "code"),
    [
        (6, {}, "not_allocated"),
        (1, {"location_id": "B"}, "other_location"),
    ],
)
async def test_only_what_is_allocated_there_ships(
    shop: InMemoryShop, quantity: int, fields: dict[str, Any], code: str
) -> None:
    order = await shop.allocated(("lamp", 5))
    refused = await shop.ship(order, quantity, **fields)
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, code, "allocated")
    assert len(await shop.published()) == 1


async def test_a_cut_line_ships_only_after_the_cut_is_answered(shop: InMemoryShop) -> None:
    order = await shop.allocated(("lamp", 5))
    await shop.post(
        f"/v1/orders/{order['order_id']}/cancel",
        {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]},
    )
    assert (await shop.ship(order, 1)).json()["code"] == "line_pending"
    cut = await shop.read(order)
    await shop.apply(shop.answer(cut, LineAnswer(allocated=3)))
    assert (await shop.ship(order, 3)).status_code == 201
    assert (await shop.read(order))["state"] == "shipped"


async def test_a_preorder_waits_for_its_release_date(shop: InMemoryShop) -> None:
    await shop.know("book", release_at=NOW + timedelta(days=3))
    order = await shop.allocated(("book", 1))
    assert (await shop.ship(order, 1)).json()["code"] == "before_release_date"
    location = {"location_id": "A"}
    assert (await shop.client.get("/v1/fulfillable-lines", params=location)).json()["data"] == []
    shop.clock.advance(timedelta(days=3))
    assert len((await shop.client.get("/v1/fulfillable-lines", params=location)).json()["data"]) == 1
    assert (await shop.ship(order, 1)).status_code == 201
