"""Times that callers state of orders are believed within bounds, and nothing precedes its order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.scenario import LineAnswer
from tests.unit.order.scenarios import NOW
from tests.unit.order.shop import InMemoryShop, order_in

PLACED = "2026-01-04T09:00:00Z"


def stated(moment: datetime) -> str:
    return moment.isoformat()


@pytest.mark.parametrize("placed_at", ["2062-01-05T09:00:00Z", "2036-01-05T09:00:00Z", "2026-01-05T10:00:00Z"])
async def test_an_order_of_the_future_is_refused_and_the_field_is_named(shop: InMemoryShop, placed_at: str) -> None:
    response = await shop.post_order(("lamp", 1), placed_at=placed_at)
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["pointer"] == "/placed_at"
    assert "ahead of the clock" in error["detail"]
    assert await shop.published() == []


@pytest.mark.parametrize("placed_at", ["1970-08-23T00:00:00Z", "1989-12-31T23:59:59Z"])
async def test_an_order_from_before_there_were_records_is_refused(shop: InMemoryShop, placed_at: str) -> None:
    response = await shop.post_order(("lamp", 1), placed_at=placed_at)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/placed_at")


async def test_history_may_be_imported(shop: InMemoryShop) -> None:
    assert (await shop.post_order(("lamp", 1), placed_at="2009-12-01T08:26:00Z")).status_code == 201


async def test_a_caller_whose_clock_is_minutes_ahead_is_believed_to_mean_now(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1), placed_at=stated(NOW + timedelta(minutes=4)))
    assert datetime.fromisoformat(order["placed_at"]) == NOW


@pytest.mark.parametrize("shipped_at", ["2026-01-04T00:00:00Z", "2025-12-31T00:00:00Z", "2026-01-05T12:00:00Z"])
async def test_a_shipment_neither_precedes_its_order_nor_lies_ahead(shop: InMemoryShop, shipped_at: str) -> None:
    order = await shop.place(("lamp", 5), placed_at=PLACED)
    await shop.apply(shop.answer(order, LineAnswer(allocated=5)))
    refused = await shop.ship(order, 5, shipped_at=shipped_at)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/shipped_at")
    assert [event.name for event in await shop.published()] == ["OrderPlaced"]
    assert (await shop.ship(order, 5, shipped_at=PLACED)).status_code == 201


async def test_what_changes_an_order_does_not_precede_it(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5), placed_at=PLACED)
    early, line = "2026-01-03T09:00:00Z", order["lines"][0]["line_id"]
    changes: list[tuple[str, str, dict[str, Any], str]] = [
        ("POST", "/cancel", {"cancelled_at": early}, "/cancelled_at"),
        ("PATCH", "", {"metadata": {"gift": True}, "amended_at": early}, "/amended_at"),
        ("PATCH", f"/lines/{line}", {"quantity": 7, "amended_at": early}, "/amended_at"),
    ]
    for method, path, body, pointer in changes:
        url = f"/v1/orders/{order['order_id']}{path}"
        response = await shop.client.request(method, url, json=body, headers={"If-Match": f'"{order["version"]}"'})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
        ahead = {**body, pointer[1:]: "2027-01-01T00:00:00Z"}
        response = await shop.client.request(method, url, json=ahead, headers={"If-Match": f'"{order["version"]}"'})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await shop.read(order))["version"] == order["version"]


async def test_what_ships_now_ships_after_a_recall_that_another_clock_dated_later(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5))
    await shop.apply(shop.answer(order, LineAnswer(allocated=5)))
    ahead = NOW + timedelta(minutes=10)
    taken = LineAnswer(allocated=1, waiting=4)
    await shop.apply(shop.answer(order, taken, name="AllocationReleased", decided_at=ahead))
    refused = await shop.ship(order, 5)
    assert refused.json()["code"] == "not_allocated", "the recall is known: its units have not left before it"
    assert (await shop.ship(order, 1)).status_code == 201


async def test_an_order_that_another_host_dated_ahead_can_be_shipped_and_cancelled_now(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5))
    async with shop.units.begin() as uow:
        stored = (await uow.orders.lock({order["order_id"]: [None]}))[order["order_id"]]
        stored.placed_at = stored.changed_at = NOW + timedelta(minutes=10)
        await uow.commit()
    await shop.apply(shop.answer(order, LineAnswer(allocated=5)))
    assert (await shop.ship(order, 2)).status_code == 201
    response = await shop.client.post(f"/v1/orders/{order['order_id']}/cancel", json={})
    assert response.status_code == 200


async def test_a_decision_of_the_future_is_dated_by_when_its_event_was_made(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 5))
    await shop.apply(shop.answer(order, LineAnswer(allocated=5)))
    taken = LineAnswer(allocated=1, waiting=4)
    await shop.apply(shop.answer(order, taken, name="AllocationReleased", decided_at=datetime(2062, 1, 1, tzinfo=UTC)))
    assert (await shop.ship(order, 1)).status_code == 201
    state = order_in((await shop.published())[-1])
    assert state.shipments[0].shipped_at.year == NOW.year
