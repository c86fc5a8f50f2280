"""Amending, cancelling and shipping over HTTP on the real database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


async def allocated(shop: Any, *lines: tuple[str, int], **fields: Any) -> dict[str, Any]:
    """An order whose lines are wholly allocated at location A."""
    order = await shop.place(*lines, **fields)
    answers = [shop.answer_line(order, index, allocated={"A": quantity}) for index, (_, quantity) in enumerate(lines)]
    await shop.deliver(shop.answer(order, *answers))
    return await shop.read(order)


async def patch(shop: Any, path: str, body: dict[str, Any], version: int | None) -> Any:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return await shop.client.patch(path, json=body, headers=headers)


async def test_amending_terms_is_published_and_amending_notes_is_not(shop: Any) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    amended = await patch(shop, path, {"destination": {"country": "FR"}, "needed_by": "2026-02-01"}, 1)
    assert amended.status_code == 200, amended.text
    assert (amended.json()["version"], amended.json()["sequence"]) == (2, 2)
    noted = await patch(shop, path, {"metadata": {"note": "x"}}, 2)
    assert (noted.json()["version"], noted.json()["sequence"], noted.json()["metadata"]) == (3, 2, {"note": "x"})
    assert noted.headers["ETag"] == '"3"'
    events = await shop.outbox()
    assert [name for name, _, _ in events] == ["OrderPlaced", "OrderAmended"]
    assert (events[1][2].country, events[1][2].sequence) == ("FR", 2)


async def test_dates_are_amended_to_such_as_an_order_could_name(shop: Any) -> None:
    order = await shop.place(("lamp", 1), needed_by="2026-01-05", latest_acceptable_date="2026-02-01")
    path = f"/v1/orders/{order['order_id']}"

    async def pointers(body: dict[str, Any]) -> list[str]:
        refused = await patch(shop, path, body, 1)
        assert refused.status_code == 422, refused.text
        return [error["pointer"] for error in refused.json()["errors"]]

    assert await pointers({"needed_by": "2026-01-03"}) == ["/needed_by"]
    assert await pointers({"needed_by": "2026-02-02"}) == ["/needed_by"], "later than what stands beside it"
    assert await pointers({"latest_acceptable_date": "2026-01-04"}) == ["/latest_acceptable_date"]
    assert await pointers({"needed_by": None, "latest_acceptable_date": "2026-01-03"}) == ["/latest_acceptable_date"]
    both = {"needed_by": "2026-03-02", "latest_acceptable_date": "2026-03-01"}
    assert await pointers(both) == ["/latest_acceptable_date"]
    assert len(await shop.outbox()) == 1, "nothing was changed or told"
    shop.clock.advance(timedelta(days=10))
    same = await patch(shop, path, {"needed_by": "2026-01-05", "destination": {"country": "FR"}}, 1)
    assert same.status_code == 200, "a date that stands was judged when it came"
    cleared = await patch(shop, path, {"needed_by": None}, 2)
    assert (cleared.status_code, cleared.json()["needed_by"]) == (200, None)


async def test_a_change_needs_the_version_it_was_made_on(shop: Any) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}"
    assert (await patch(shop, path, {"needed_by": "2026-02-01"}, None)).status_code == 428
    assert (await patch(shop, path, {"needed_by": "2026-02-01"}, 7)).status_code == 412
    line = f"{path}/lines/{order['lines'][0]['line_id']}"
    assert (await patch(shop, line, {"quantity": 2}, None)).status_code == 428
    assert (await patch(shop, line, {"quantity": 2}, 1)).status_code == 200
    assert (await patch(shop, line, {"quantity": 3}, 1)).status_code == 412


async def test_of_two_changes_on_one_version_one_wins(shop: Any) -> None:
    order = await shop.place(("lamp", 5))
    line = f"/v1/orders/{order['order_id']}/lines/{order['lines'][0]['line_id']}"
    responses = await asyncio.gather(*(patch(shop, line, {"quantity": 6 + n}, 1) for n in range(5)))
    assert sorted(response.status_code for response in responses) == [200, 412, 412, 412, 412]
    assert len(await shop.outbox()) == 2


async def test_an_amended_quantity_is_pending_until_answered(shop: Any) -> None:
    order = await allocated(shop, ("lamp", 2))
    line = f"/v1/orders/{order['order_id']}/lines/{order['lines'][0]['line_id']}"
    grown = (await patch(shop, line, {"quantity": 5}, order["version"])).json()
    assert (grown["pending"], grown["lines"][0]["pending"], grown["state"]) == (True, True, "partially_allocated")
    await shop.deliver(shop.answer(grown, shop.answer_line(grown, version=2, allocated={"A": 2}, waiting=3)))
    settled = await shop.read(order)
    assert not settled["pending"]
    assert shop.sums(settled) == [(5, 5)]


async def test_the_same_quantity_changes_and_publishes_nothing(shop: Any) -> None:
    order = await shop.place(("lamp", 2))
    line = f"/v1/orders/{order['order_id']}/lines/{order['lines'][0]['line_id']}"
    assert (await patch(shop, line, {"quantity": 2}, 1)).json()["version"] == 1
    assert len(await shop.outbox()) == 1


async def test_an_unknown_order_or_line_is_not_found(shop: Any) -> None:
    order = await shop.place(("lamp", 2))
    assert (await patch(shop, "/v1/orders/nope", {"needed_by": None}, 1)).status_code == 404
    path = f"/v1/orders/{order['order_id']}/lines/nope"
    assert (await patch(shop, path, {"quantity": 1}, 1)).json()["code"] == "line_not_found"
    cancelled = await shop.post(
        f"/v1/orders/{order['order_id']}/cancel",
        {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 1}, {"line_id": "nope", "quantity": 1}]},
    )
    assert cancelled.status_code == 422
    assert [error["pointer"] for error in cancelled.json()["errors"]] == ["/lines/1/line_id"]


async def test_cancelling_part_and_then_the_rest(shop: Any) -> None:
    order = await allocated(shop, ("lamp", 5), ("bulb", 1))
    path = f"/v1/orders/{order['order_id']}/cancel"
    part = await shop.post(path, {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]})
    assert part.status_code == 200
    assert part.json()["lines"][0]["quantity_cancelled"] == 2
    whole = await shop.post(path, {"reason": "changed my mind"})
    assert whole.json()["state"] == "cancelled"
    repeated = await shop.post(path, {})
    assert (repeated.status_code, repeated.json()["code"], repeated.json()["state"]) == (
        409,
        "already_cancelled",
        "cancelled",
    )
    events = await shop.outbox()
    assert [name for name, _, _ in events] == ["OrderPlaced", "OrderCancelled", "OrderCancelled"]
    assert [line.cancelled for line in events[-1][2].lines] == [5, 1]
    assert events[-1][2].reason == "changed my mind"


async def test_cancelling_without_a_body_cancels_everything(shop: Any) -> None:
    order = await shop.place(("lamp", 2))
    answer = await shop.client.post(f"/v1/orders/{order['order_id']}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def test_a_repeated_cancellation_with_its_key_cancels_once(shop: Any) -> None:
    order = await shop.place(("lamp", 5))
    body = {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]}
    path = f"/v1/orders/{order['order_id']}/cancel"
    responses = [await shop.post(path, body, key="once") for _ in range(2)]
    assert [response.status_code for response in responses] == [200, 200]
    assert responses[1].headers["Idempotent-Replayed"] == "true"
    assert responses[1].json()["lines"][0]["quantity_cancelled"] == 2


async def test_shipped_units_cannot_be_cancelled(shop: Any) -> None:
    order = await allocated(shop, ("lamp", 5))
    assert (await shop.ship(order, 3)).status_code == 201
    body = {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 3}]}
    refused = await shop.post(f"/v1/orders/{order['order_id']}/cancel", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    assert refused.json()["state"] == "partially_shipped"
    assert refused.json()["lines"][0]["quantity_shipped"] == 3
    assert [name for name, _, _ in await shop.outbox()] == ["OrderPlaced", "OrderShipped"]


async def test_a_shipment_is_stored_listed_and_published_with_the_whole_order(shop: Any) -> None:
    order = await allocated(shop, ("lamp", 5), ("bulb", 2))
    response = await shop.ship(order, 3, reference="P1", tracking_number="T1")
    assert response.status_code == 201
    shipment = response.json()
    assert (shipment["location_id"], shipment["shipped_at"]) == ("A", "2026-01-05T09:00:00Z")
    assert (await shop.client.get(response.headers["Location"])).json() == shipment
    second = (await shop.ship(order, 2, line=1)).json()
    listed = (await shop.client.get(f"/v1/orders/{order['order_id']}/shipments")).json()["data"]
    assert listed == [shipment, second]
    document = await shop.read(order)
    assert document["state"] == "partially_shipped"
    assert document["lines"][0]["shipped"] == {"A": 3}
    assert document["lines"][0]["allocated"] == {"A": 2}
    assert shop.sums(document) == [(5, 5), (2, 2)]
    name, _, payload = (await shop.outbox())[-1]
    assert name == "OrderShipped"
    assert [(one.shipment_id, one.sku, one.location, one.quantity) for one in payload.shipments] == [
        (shipment["shipment_id"], "lamp", "A", 3),
        (second["shipment_id"], "bulb", "A", 2),
    ]
    assert [dict(line.shipped) for line in payload.lines] == [{"A": 3}, {"A": 2}]


async def test_a_repeated_shipment_ships_once(shop: Any) -> None:
    order = await allocated(shop, ("lamp", 5))
    path = f"/v1/orders/{order['order_id']}/shipments"
    body = {"location_id": "A", "lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]}
    responses = await asyncio.gather(*(shop.post(path, body, key="ship-1") for _ in range(10)))
    assert {response.status_code for response in responses} == {201}
    assert len({response.json()["shipment_id"] for response in responses}) == 1
    assert (await shop.read(order))["lines"][0]["quantity_shipped"] == 2


async def test_a_shipment_reference_is_used_once(shop: Any) -> None:
    order, other = await allocated(shop, ("lamp", 5)), await allocated(shop, ("lamp", 5))
    first = (await shop.ship(order, 1, reference="P1")).json()
    refused = await shop.ship(other, 1, reference="P1")
    assert (refused.status_code, refused.json()["code"]) == (409, "reference_taken")
    assert refused.json()["shipment_id"] == first["shipment_id"]
    assert (await shop.read(other))["lines"][0]["quantity_shipped"] == 0


@pytest.mark.parametrize(
    ("quantity", "fields", "code"),
    [
        (6, {}, "not_allocated"),
        (1, {"location_id": "B"}, "other_location"),
    ],
)
async def test_only_what_is_allocated_there_ships(shop: Any, quantity: int, fields: dict[str, Any], code: str) -> None:
    order = await allocated(shop, ("lamp", 5))
    refused = await shop.ship(order, quantity, **fields)
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, code, "allocated")
    assert len(await shop.outbox()) == 1


async def test_racing_shipments_never_ship_more_than_allocated(shop: Any) -> None:
    order = await allocated(shop, ("lamp", 5))
    responses = await asyncio.gather(*(shop.ship(order, 1) for _ in range(12)))
    assert sorted(response.status_code for response in responses) == [201] * 5 + [409] * 7
    document = await shop.read(order)
    assert (document["state"], document["lines"][0]["quantity_shipped"]) == ("shipped", 5)


async def test_a_cut_line_ships_only_after_the_cut_is_answered(shop: Any) -> None:
    order = await allocated(shop, ("lamp", 5))
    await shop.post(
        f"/v1/orders/{order['order_id']}/cancel",
        {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]},
    )
    assert (await shop.ship(order, 1)).json()["code"] == "line_pending"
    cut = await shop.read(order)
    await shop.deliver(shop.answer(cut, shop.answer_line(cut, version=2, allocated={"A": 3})))
    assert (await shop.ship(order, 3)).status_code == 201
    assert (await shop.read(order))["state"] == "shipped"


async def test_a_preorder_waits_for_its_release_date(shop: Any) -> None:
    await shop.know("book", release_at=NOW + timedelta(days=3))
    order = await allocated(shop, ("book", 1))
    assert (await shop.ship(order, 1)).json()["code"] == "before_release_date"
    location = {"location_id": "A"}
    assert (await shop.client.get("/v1/fulfillable-lines", params=location)).json()["data"] == []
    shop.clock.advance(timedelta(days=3))
    assert len((await shop.client.get("/v1/fulfillable-lines", params=location)).json()["data"]) == 1
    assert (await shop.ship(order, 1)).status_code == 201


async def test_what_can_ship_is_listed_per_location_in_pages(shop: Any) -> None:
    first = await allocated(shop, ("lamp", 2), ("bulb", 3))
    complete = await shop.place(("lamp", 2), ("bulb", 2), ship_complete=True)
    await shop.deliver(
        shop.answer(
            complete, shop.answer_line(complete, 0, allocated={"A": 2}), shop.answer_line(complete, 1, waiting=2)
        )
    )
    split = await shop.place(("lamp", 5))
    await shop.deliver(shop.answer(split, shop.answer_line(split, allocated={"A": 1, "B": 2}, waiting=2)))
    cut = await allocated(shop, ("lamp", 4))
    await shop.post(
        f"/v1/orders/{cut['order_id']}/cancel", {"lines": [{"line_id": cut["lines"][0]["line_id"], "quantity": 1}]}
    )
    await shop.ship(first, 2)

    async def listed(location: str) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = []
        cursor: str | None = None
        while True:
            params = {"location_id": location, "limit": "1", **({"cursor": cursor} if cursor else {})}
            page = (await shop.client.get("/v1/fulfillable-lines", params=params)).json()
            found += [(row["order_id"], row["sku"], row["quantity"]) for row in page["data"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    assert await listed("A") == [(first["order_id"], "bulb", 3), (split["order_id"], "lamp", 1)]
    assert await listed("B") == [(split["order_id"], "lamp", 2)]
    await shop.deliver(
        shop.answer(complete, shop.answer_line(complete, 1, version=2, allocated={"B": 2}), name="BackorderAllocated")
    )
    assert (complete["order_id"], "bulb", 2) in await listed("B")


async def test_changes_of_many_orders_at_once_are_each_their_own(shop: Any) -> None:
    orders = [await allocated(shop, ("lamp", 3)) for _ in range(10)]
    cancels = [shop.post(f"/v1/orders/{order['order_id']}/cancel", {}) for order in orders[:5]]
    ships = [shop.ship(order, 4 if index == 0 else 3) for index, order in enumerate(orders[5:])]
    responses = await asyncio.gather(*cancels, *ships)
    assert [response.status_code for response in responses] == [200] * 5 + [409] + [201] * 4
    names = [name for name, _, _ in await shop.outbox()]
    assert (names.count("OrderCancelled"), names.count("OrderShipped")) == (5, 4)
