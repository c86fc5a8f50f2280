"""Times that callers state of the stock are believed within bounds; whatever happens now, no count has seen yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from event_contracts import Event, OrderState

LINE = {
    "/v1/receipts": {"sku": "lamp", "quantity": 1},
    "/v1/counts": {"sku": "lamp", "counted_quantity": 1},
    "/v1/adjustments": {"sku": "lamp", "delta": 1},
}
FIELD = {"/v1/receipts": "received_at", "/v1/counts": "counted_at", "/v1/adjustments": "adjusted_at"}


def stated(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


def document(path: str, moment: str) -> dict[str, Any]:
    body = {"reference": "r", "location_id": "main", FIELD[path]: moment, "lines": [LINE[path]]}
    return body | ({"reason": "found"} if path == "/v1/adjustments" else {})


@pytest.mark.parametrize("path", LINE)
@pytest.mark.parametrize("moment", ["2062-01-05T09:00:00Z", "1970-08-23T00:00:00Z", "hour"])
async def test_a_document_of_the_future_or_of_no_time_is_refused(inventory: Any, path: str, moment: str) -> None:
    moment = stated(hours=1) if moment == "hour" else moment
    response = await inventory.post(path, document(path, moment))
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [f"/{FIELD[path]}"]
    assert await inventory.rows("SELECT * FROM stock_document") == []
    assert await inventory.level() == (0, 0, 0)


@pytest.mark.parametrize("path", LINE)
async def test_a_document_of_a_clock_that_is_minutes_ahead_is_dated_now(inventory: Any, path: str) -> None:
    response = await inventory.post(path, document(path, stated(minutes=4)))
    assert response.status_code == 201
    assert datetime.fromisoformat(response.json()[FIELD[path]]) <= datetime.now(UTC)


async def test_times_of_the_catalogue_and_of_purchasing_are_judged_too(inventory: Any) -> None:
    future = "2062-01-05T09:00:00Z"
    made = await inventory.order()
    path = f"/v1/purchase-orders/{made['purchase_order_id']}/lines/{made['lines'][0]['line_id']}"
    order = {"reference": "po", "supplier_id": "acme", "location_id": "main"}
    lines = [{"sku": "lamp", "quantity": 1, "eta": "2010-12-20"}]
    far = [{"sku": "lamp", "quantity": 1, "eta": "2206-12-20"}, {"sku": "lamp", "quantity": 1, "eta": "1970-08-23"}]
    client = inventory.client
    key = {"Idempotency-Key": "k"}
    asked = [
        (client.put("/v1/skus/lamp", json={"changed_at": future}), ["/changed_at"]),
        (client.put("/v1/skus", json={"skus": [{"sku": "x"}], "changed_at": future}), ["/changed_at"]),
        (client.put("/v1/locations/main", json={"name": "M", "changed_at": future}), ["/changed_at"]),
        (client.post(f"{path}/close", json={"closed_at": future}), ["/closed_at"]),
        (client.patch(path, json={"quantity": 3, "changed_at": future}, headers={"If-Match": "*"}), ["/changed_at"]),
        (
            client.put("/v1/skus/lamp", json={"selling_policy": {"release_date": "2206-01-01"}}),
            ["/selling_policy/release_date"],
        ),
        (client.patch(path, json={"eta": "2206-01-01"}, headers={"If-Match": "*"}), ["/eta"]),
        (
            client.post("/v1/purchase-orders", json={**order, "ordered_at": future, "lines": lines}, headers=key),
            ["/ordered_at"],
        ),
        (
            client.post("/v1/purchase-orders", json={**order, "lines": far}, headers=key),
            ["/lines/0/eta", "/lines/1/eta"],
        ),
    ]
    for request, pointers in asked:
        response = await request
        assert (response.status_code, [error["pointer"] for error in response.json()["errors"]]) == (422, pointers)


async def test_a_stored_count_of_the_future_hides_nothing(inventory: Any, order: Any) -> None:
    await inventory.receive(10)
    await inventory.post("/v1/counts", {"location_id": "main", "lines": [{"sku": "lamp", "counted_quantity": 10}]})
    # An older version took counts as they were stated.
    async with inventory.database.transaction() as conn:
        await conn.execute(text("UPDATE stock_level SET counted_at = '2062-01-05T09:00Z'"))
    now = datetime.now(UTC)
    told = inventory.neighbours.ship(order, 1, 4)
    moved = tuple(one.model_copy(update={"shipped_at": now}) for one in told.payload.shipments)
    payload = told.payload.model_copy(update={"shipments": moved, "updated_at": now})
    await inventory.apply(replace(told, payload=payload, time=now))
    adjusted = {"location_id": "main", "reason": "broken", "lines": [{"sku": "lamp", "delta": -1}]}
    assert (await inventory.post("/v1/adjustments", adjusted)).status_code == 201
    await inventory.receive(2)
    assert (await inventory.level())[0] == 10 - 4 - 1 + 2
    count = {"location_id": "main", "lines": [{"sku": "lamp", "counted_quantity": 6}]}
    assert (await inventory.post("/v1/counts", count)).json()["lines"][0]["effect"] == "applied"
    assert (await inventory.level())[0] == 6


def reported(told: Event, moment: datetime) -> Event:
    """The event as if its last shipment had left and been reported at the moment."""
    assert isinstance(told.payload, OrderState)
    *earlier, last = told.payload.shipments
    shipments = (*earlier, last.model_copy(update={"shipped_at": moment}))
    return replace(
        told, payload=told.payload.model_copy(update={"shipments": shipments, "updated_at": moment}), time=moment
    )


async def test_a_backlog_of_many_shipments_is_no_difference_of_the_clocks(inventory: Any, order: Any) -> None:
    """Inventory was down for minutes: what had left before a count is covered by it, however late it is told."""
    now = datetime.now(UTC)
    await inventory.post("/v1/receipts", document("/v1/receipts", (now - timedelta(hours=1)).isoformat()))
    await inventory.put("/v1/skus/filler", {})
    others = [inventory.neighbours.order(f"filler-{number}", ("filler", 200))[0] for number in range(2)]
    await inventory.apply(reported(inventory.neighbours.ship(others[0], 1, 1), now))
    counted = document("/v1/counts", (now - timedelta(minutes=6)).isoformat())
    await inventory.post("/v1/counts", {**counted, "lines": [{"sku": "lamp", "counted_quantity": 7}]})
    backlog = [
        reported(inventory.neighbours.ship(others[1], 1, 1), now - timedelta(minutes=12, seconds=-number))
        for number in range(120)
    ]
    await inventory.apply(*backlog)
    await inventory.apply(reported(inventory.neighbours.ship(order, 1, 4), now - timedelta(minutes=7)))
    assert (await inventory.level())[:2] == (7, 4), "the count saw that the four had left"


async def test_what_happens_now_is_never_already_counted(inventory: Any) -> None:
    await inventory.receive(10)
    # Another host, whose clock is ten minutes ahead, recorded the count.
    await inventory.post("/v1/counts", {"location_id": "main", "lines": [{"sku": "lamp", "counted_quantity": 10}]})
    async with inventory.database.transaction() as conn:
        await conn.execute(text("UPDATE stock_level SET counted_at = now() + interval '10 minutes'"))
    receipt = await inventory.receive(2)
    assert (receipt["lines"][0]["effect"], receipt["lines"][0]["on_hand_change"]) == ("applied", 2)
    adjusted = {"location_id": "main", "reason": "broken", "lines": [{"sku": "lamp", "delta": -1}]}
    assert (await inventory.post("/v1/adjustments", adjusted)).json()["lines"][0]["effect"] == "applied"
    count = {"location_id": "main", "lines": [{"sku": "lamp", "counted_quantity": 7}]}
    assert (await inventory.post("/v1/counts", count)).json()["lines"][0]["effect"] == "applied"
    assert (await inventory.level())[0] == 7


async def test_a_line_that_changes_nothing_says_so_and_why(inventory: Any) -> None:
    await inventory.receive(10)
    await inventory.post("/v1/counts", {"location_id": "main", "lines": [{"sku": "lamp", "counted_quantity": 10}]})
    before = stated(hours=-3)
    for path in LINE:
        made = await inventory.post(path, document(path, before))
        [line] = made.json()["lines"]
        expected = "superseded" if path == "/v1/counts" else "already_counted"
        assert (line["effect"], line["on_hand_change"]) == (expected, 0)
        assert "count of this SKU at this location" in line["effect_detail"]
        again = await inventory.client.get(made.headers["Location"])
        assert again.json()["lines"] == [line]
    assert (await inventory.level())[0] == 10
    entries = (await inventory.get("/v1/ledger-entries", sku="lamp"))["data"]
    told = [entry for entry in entries if "a count as of" in entry["reason"]]
    assert sorted(entry["kind"] for entry in told) == ["already_counted", "already_counted", "superseded"]


async def test_a_shipment_booked_after_a_newer_count_says_so_in_the_ledger(inventory: Any, order: Any) -> None:
    await inventory.receive(10)
    await inventory.post("/v1/counts", {"location_id": "main", "lines": [{"sku": "lamp", "counted_quantity": 10}]})
    await inventory.apply(inventory.neighbours.ship(order, 1, 4))
    assert (await inventory.level())[:2] == (10, 4)
    entries = (await inventory.get("/v1/ledger-entries", sku="lamp"))["data"]
    [reversed_] = [entry for entry in entries if entry["kind"] == "already_counted"]
    assert "a count as of" in reversed_["reason"]


async def test_a_movement_stated_for_later_than_it_was_recorded_is_not_added_to_later_counts(inventory: Any) -> None:
    await inventory.receive(10)
    async with inventory.database.transaction() as conn:
        await conn.execute(text("UPDATE ledger_entry SET occurred_at = '2062-01-05T09:00Z'"))
    body = {
        "location_id": "main",
        "counted_at": stated(seconds=-0.0),
        "lines": [{"sku": "lamp", "counted_quantity": 8}],
    }
    await inventory.post("/v1/counts", body)
    assert (await inventory.level())[0] == 8
    async with inventory.database.transaction() as conn:
        await conn.execute(text("UPDATE ledger_entry SET occurred_at = recorded_at"))
