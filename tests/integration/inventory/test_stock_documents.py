"""Receipts, returns, counts and adjustments: what they do to levels, ledger and events, and what they refuse."""

import asyncio
from typing import Any

import pytest


def pointers(response) -> list[str]:
    return [error["pointer"] for error in response.json()["errors"]]


async def test_a_receipt_raises_on_hand_and_announces_the_absolute_level(inventory):
    receipt = await inventory.receive(12)
    assert receipt["lines"][0]["on_hand_change"] == 12
    assert await inventory.level() == (12, 0, 1)
    [event] = await inventory.published()
    assert (event.name, event.key, event.sequence, event.payload.reason) == ("StockReceived", "lamp", 1, "receipt")
    [level] = event.payload.levels
    assert (level.location, level.on_hand, level.shipped, level.version, level.priority) == ("main", 12, 0, 1, 10)
    assert event.payload.po_lines == ()
    await inventory.check()


@pytest.mark.parametrize(("kind", "reason"), [("purchase", "receipt"), ("return", "return"), ("opening", "opening")])
async def test_each_kind_of_receipt_raises_supply_and_never_lowers_shipped(inventory, kind, reason):
    await inventory.receive(2, kind=kind)
    assert await inventory.level() == (2, 0, 1)
    assert (await inventory.published())[0].payload.reason == reason


async def test_what_a_receipt_names_wrongly_is_refused_with_every_place_and_nothing_is_stored(inventory):
    body = {
        "reference": "r",
        "location_id": "nowhere",
        "lines": [
            {"sku": "lamp", "quantity": 1},
            {"sku": "Lamp", "quantity": 1},
            {"sku": "lamp", "quantity": 1, "purchase_order_line_id": "none"},
        ],
    }
    response = await inventory.post("/v1/receipts", body)
    assert response.status_code == 422
    assert set(pointers(response)) == {"/location_id", "/lines/1/sku", "/lines/2/purchase_order_line_id"}
    assert await inventory.rows("SELECT * FROM stock_document") == []
    assert await inventory.rows("SELECT * FROM stock_level") == []
    assert await inventory.published() == []


@pytest.mark.parametrize(
    ("line", "pointer"),
    [
        ({"sku": "lamp", "quantity": 0}, "/lines/0/quantity"),
        ({"sku": "lamp", "quantity": -1}, "/lines/0/quantity"),
        ({"sku": "lamp", "quantity": 1.5}, "/lines/0/quantity"),
        ({"sku": "lamp", "quantity": "3"}, "/lines/0/quantity"),
        ({"sku": "lamp", "quantity": True}, "/lines/0/quantity"),
        ({"sku": "lamp", "quantity": 1_000_001}, "/lines/0/quantity"),
        ({"sku": "lamp"}, "/lines/0/quantity"),
        ({"sku": 7, "quantity": 1}, "/lines/0/sku"),
        ({"sku": "lamp", "quantity": 1, "location_id": "main"}, "/lines/0/location_id"),
    ],
)
async def test_a_malformed_line_is_refused_with_its_place(inventory, line, pointer):
    response = await inventory.post("/v1/receipts", {"reference": "r", "location_id": "main", "lines": [line]})
    assert (response.status_code, pointers(response)) == (422, [pointer])


async def test_a_taken_reference_is_refused_and_names_its_holder(inventory):
    first = await inventory.receive(5, reference="grn-1")
    body = {"reference": "grn-1", "location_id": "main", "lines": [{"sku": "chair", "quantity": 1}]}
    response = await inventory.post("/v1/receipts", body)
    assert (response.status_code, response.json()["code"]) == (409, "reference_taken")
    assert response.json()["existing_id"] == first["receipt_id"]
    found = (await inventory.get("/v1/receipts", reference="grn-1"))["data"]
    assert [receipt["receipt_id"] for receipt in found] == [first["receipt_id"]]
    count = {**body, "lines": [{"sku": "lamp", "counted_quantity": 5}]}
    assert (await inventory.post("/v1/counts", count)).status_code == 201, "each kind has its own references"


async def test_the_same_key_and_body_repeat_the_answer_and_do_nothing_more(inventory):
    body = {"reference": "grn-1", "location_id": "main", "lines": [{"sku": "lamp", "quantity": 5}]}
    first = await inventory.post("/v1/receipts", body, key="k")
    again = await inventory.post("/v1/receipts", body, key="k")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.json() == first.json()
    other = await inventory.post("/v1/receipts", {**body, "location_id": "south"}, key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await inventory.level() == (5, 0, 1)
    assert len(await inventory.published()) == 1


async def test_creating_without_a_key_is_refused(inventory):
    for path in ("/v1/receipts", "/v1/counts", "/v1/adjustments", "/v1/purchase-orders"):
        response = await inventory.client.post(path, json={})
        assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_missing")


async def test_fifty_repeats_at_once_record_one_receipt(inventory):
    body = {"reference": "grn-1", "location_id": "main", "lines": [{"sku": "lamp", "quantity": 5}]}
    answers = await asyncio.gather(*(inventory.post("/v1/receipts", body, key="k") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["receipt_id"] for answer in answers}) == 1
    assert await inventory.level() == (5, 0, 1)


async def test_bad_commands_of_a_batch_fail_alone(inventory):
    def body(number: int) -> dict[str, Any]:
        sku = "none" if number % 3 == 0 else "lamp"
        return {"reference": f"r{number % 8}", "location_id": "main", "lines": [{"sku": sku, "quantity": 1}]}

    answers = await asyncio.gather(*(inventory.post("/v1/receipts", body(number)) for number in range(24)))
    statuses = [answer.status_code for answer in answers]
    assert [status for number, status in enumerate(statuses) if number % 3 == 0] == [422] * 8
    assert (statuses.count(201), statuses.count(409)) == (8, 8)
    assert (await inventory.level())[0] == 8
    events = await inventory.published()
    assert [event.sequence for event in events] == list(range(1, 9)), "outbox order is version order"
    assert [event.payload.levels[0].on_hand for event in events] == list(range(1, 9))
    await inventory.check()


async def test_receipts_of_crossed_skus_at_once_do_not_deadlock(inventory):
    def body(number: int) -> dict[str, Any]:
        skus = ["lamp", "chair"] if number % 2 else ["chair", "lamp"]
        lines = [{"sku": sku, "quantity": 1} for sku in skus]
        return {"reference": f"r{number}", "location_id": "main", "lines": lines}

    counts = [{"location_id": "main", "lines": [{"sku": "lamp", "counted_quantity": 1}]} for _ in range(10)]
    answers = await asyncio.gather(
        *(inventory.post("/v1/receipts", body(number)) for number in range(20)),
        *(inventory.post("/v1/counts", count) for count in counts),
    )
    assert {answer.status_code for answer in answers} == {201}
    await inventory.check()


async def test_a_count_replaces_the_level_as_of_its_time_and_keeps_what_moved_after_it(inventory):
    await inventory.receive(10, received_at="2010-12-01T00:00:00Z")
    await inventory.receive(4, received_at="2010-12-03T00:00:00Z")
    await inventory.published()
    body = {
        "location_id": "main",
        "counted_at": "2010-12-02T00:00:00Z",
        "lines": [{"sku": "lamp", "counted_quantity": 8}],
    }
    response = await inventory.post("/v1/counts", body)
    assert response.json()["lines"][0]["on_hand_change"] == -2
    assert response.json()["reference"] == response.json()["count_id"]
    assert await inventory.level() == (12, 0, 3)
    [event] = await inventory.published()
    assert (event.name, event.payload.reason, event.sequence) == ("StockLevelChanged", "count", 3)
    await inventory.check()


async def test_a_sku_counted_twice_in_one_count_is_refused(inventory):
    lines = [{"sku": "lamp", "counted_quantity": 1}, {"sku": "lamp", "counted_quantity": 2}]
    response = await inventory.post("/v1/counts", {"location_id": "main", "lines": lines})
    assert (response.status_code, pointers(response)) == (422, ["/lines"])


async def test_an_adjustment_changes_on_hand_by_its_delta(inventory):
    await inventory.receive(10)
    await inventory.published()
    lines = [{"sku": "lamp", "delta": -3}, {"sku": "lamp", "delta": 4, "location_id": "south"}]
    response = await inventory.post("/v1/adjustments", {"location_id": "main", "reason": "moved", "lines": lines})
    assert response.status_code == 201
    assert [line["location_id"] for line in response.json()["lines"]] == ["main", "south"]
    [event] = await inventory.published()
    assert (event.name, event.payload.reason, event.sequence) == ("StockLevelChanged", "adjustment", 2)
    assert [(level.location, level.on_hand) for level in event.payload.levels] == [("main", 7), ("south", 4)]
    await inventory.check()


async def test_an_adjustment_below_zero_is_refused_whole_with_its_place(inventory):
    await inventory.receive(10)
    await inventory.published()
    lines = [{"sku": "chair", "delta": 5}, {"sku": "lamp", "delta": -6}, {"sku": "lamp", "delta": -5}]
    body = {"reference": "a", "location_id": "main", "reason": "lost", "lines": lines}
    response = await inventory.post("/v1/adjustments", body)
    assert (response.status_code, response.json()["code"]) == (409, "insufficient_stock")
    assert pointers(response) == ["/lines/2/delta"]
    assert (await inventory.level())[0] == 10
    assert await inventory.published() == []
    assert (await inventory.get("/v1/adjustments", reference="a"))["data"] == []
    repeated = await inventory.post("/v1/adjustments", {**body, "lines": lines[:2]})
    assert repeated.status_code == 201, "the reference of a refused document is free"


async def test_an_adjustment_needs_a_reason_a_place_and_a_change(inventory):
    line = {"sku": "lamp", "delta": 1}
    for body, pointer in (
        ({"location_id": "main", "lines": [line]}, "/reason"),
        ({"reason": "x", "lines": [line]}, "/lines"),
        ({"reason": "x", "location_id": "main", "lines": [{"sku": "lamp", "delta": 0}]}, "/lines/0/delta"),
        ({"reason": "x", "lines": [{**line, "location_id": "nowhere"}]}, "/lines/0/location_id"),
    ):
        response = await inventory.post("/v1/adjustments", body)
        assert (response.status_code, pointers(response)) == (422, [pointer])


@pytest.mark.parametrize(
    ("path", "field", "line"),
    [
        ("/v1/receipts", "received_at", {"sku": "lamp", "quantity": 1}),
        ("/v1/counts", "counted_at", {"sku": "lamp", "counted_quantity": 1}),
        ("/v1/adjustments", "adjusted_at", {"sku": "lamp", "delta": 1}),
    ],
)
async def test_only_an_importer_states_when_it_happened(inventory, path, field, line):
    headers = inventory.headers("writer")
    body = {"reference": "r", "location_id": "main", "lines": [line], field: "2010-12-01T00:00:00Z"}
    body |= {"reason": "x"} if path == "/v1/adjustments" else {}
    response = await inventory.client.post(path, json=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "import_scope_required")
    del body[field]
    assert (await inventory.client.post(path, json=body, headers=headers)).status_code == 201


async def test_documents_are_read_and_listed_newest_first(inventory):
    receipts = [await inventory.receive(1, location="south" if number == 1 else "main") for number in range(3)]
    ids = [receipt["receipt_id"] for receipt in receipts]
    assert await inventory.get(f"/v1/receipts/{ids[1]}") == receipts[1]
    first = await inventory.get("/v1/receipts", limit=2)
    assert [receipt["receipt_id"] for receipt in first["data"]] == [ids[2], ids[1]]
    rest = await inventory.get("/v1/receipts", limit=2, cursor=first["next_cursor"])
    assert ([receipt["receipt_id"] for receipt in rest["data"]], rest["next_cursor"]) == ([ids[0]], None)
    south = await inventory.get("/v1/receipts", location_id="south", sku="lamp")
    assert [receipt["receipt_id"] for receipt in south["data"]] == [ids[1]]
    assert (await inventory.client.get(f"/v1/counts/{ids[0]}")).status_code == 404


async def test_a_caller_without_the_scope_is_turned_away(inventory):
    headers = inventory.headers("reader")
    body = {"reference": "r", "location_id": "main", "lines": [{"sku": "lamp", "quantity": 1}]}
    assert (await inventory.client.post("/v1/receipts", json=body, headers=headers)).status_code == 403
    assert (await inventory.client.get("/v1/purchase-orders", headers=headers)).status_code == 403
    assert (await inventory.client.get("/v1/stock-levels", headers={"Authorization": "Bearer x"})).status_code == 401
