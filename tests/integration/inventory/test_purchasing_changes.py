"""Purchasing that changes: orders cancelled and extended, early receipts linked, units given back to the supplier."""

from typing import Any


async def the_order(inventory, order) -> dict[str, Any]:
    return dict(await inventory.get(f"/v1/purchase-orders/{order['purchase_order_id']}"))


async def test_a_purchase_order_is_cancelled_whole_on_the_version_that_was_read(inventory):
    order = await inventory.order(10)
    path = f"/v1/purchase-orders/{order['purchase_order_id']}"
    await inventory.receive(4, line={"purchase_order_line_id": order["lines"][0]["line_id"]})
    await inventory.published()
    stale = await inventory.client.post(f"{path}/cancel", headers={"If-Match": '"po-1"'})
    assert stale.status_code == 412
    tag = (await inventory.client.get(path)).headers["ETag"]
    cancelled = await inventory.client.post(f"{path}/cancel", headers={"If-Match": tag})
    assert cancelled.status_code == 200, cancelled.text
    [line] = cancelled.json()["lines"]
    assert (line["quantity_received"], line["quantity_cancelled"], line["quantity_open"]) == (4, 6, 0)
    assert [event.name for event in await inventory.published()] == ["InboundCancelled"]
    again = await inventory.client.post(f"{path}/cancel")
    assert (again.status_code, again.json()) == (200, cancelled.json())
    assert await inventory.published() == []
    assert (await inventory.client.post("/v1/purchase-orders/none/cancel")).status_code == 404


async def test_a_line_is_added_once_however_often_it_is_asked_for(inventory):
    order = await inventory.order(10)
    path = f"/v1/purchase-orders/{order['purchase_order_id']}/lines"
    body = {"sku": "chair", "quantity": 5, "eta": "2010-12-24"}
    added = await inventory.post(path, body, key="add")
    assert added.status_code == 201, added.text
    assert added.headers["Location"] == f"{path}/{added.json()['line_id']}"
    again = await inventory.post(path, body, key="add")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (added.json(), "true")
    assert [line["sku"] for line in (await the_order(inventory, order))["lines"]] == ["lamp", "chair"]
    events = await inventory.published()
    assert [(event.name, event.key) for event in events][-1] == ("InboundScheduled", "chair")
    unknown = await inventory.post(path, body | {"sku": "no"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/sku")
    assert (await inventory.post("/v1/purchase-orders/none/lines", body)).status_code == 404


async def test_an_early_receipt_is_linked_to_the_order_that_was_entered_later(inventory):
    receipt = await inventory.receive(6)
    order = await inventory.order(10)
    await inventory.published()
    line_id = order["lines"][0]["line_id"]
    path = f"/v1/receipts/{receipt['receipt_id']}/lines/1/link"
    linked = await inventory.client.post(path, json={"purchase_order_line_id": line_id})
    assert linked.status_code == 200, linked.text
    assert linked.json()["lines"][0]["purchase_order_line_id"] == line_id
    [line] = (await the_order(inventory, order))["lines"]
    assert (line["quantity_received"], line["quantity_open"]) == (6, 4)
    [event] = await inventory.published()
    assert (event.name, event.payload.reason) == ("StockLevelChanged", "receipt_linked")
    assert [(one.id, one.remaining) for one in event.payload.po_lines] == [(line_id, 4)]
    assert (await inventory.level())[0] == 6
    other = await inventory.order(10)
    refused = await inventory.client.post(path, json={"purchase_order_line_id": other["lines"][0]["line_id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "already_linked")
    missing = await inventory.client.post(path.replace("lines/1", "lines/2"), json={"purchase_order_line_id": line_id})
    assert missing.status_code == 404


async def test_units_go_back_to_the_supplier_and_are_expected_once_more(inventory):
    order = await inventory.order(10)
    line_id = order["lines"][0]["line_id"]
    await inventory.receive(10, line={"purchase_order_line_id": line_id})
    await inventory.published()
    line = {"sku": "lamp", "quantity": 3, "purchase_order_line_id": line_id}
    body = {"reference": "rtv-1", "location_id": "main", "reason": "wrong colour", "lines": [line]}
    returned = await inventory.post("/v1/supplier-returns", body, key="return")
    assert returned.status_code == 201, returned.text
    path = returned.headers["Location"]
    assert path == f"/v1/supplier-returns/{returned.json()['supplier_return_id']}"
    assert await inventory.get(path) == returned.json()
    assert (await inventory.get("/v1/supplier-returns", reference="rtv-1"))["data"] == [returned.json()]
    assert (await inventory.get("/v1/adjustments"))["data"] == []
    [po_line] = (await the_order(inventory, order))["lines"]
    assert (po_line["quantity_received"], po_line["quantity_open"], po_line["state"]) == (7, 3, "partly_received")
    [event] = await inventory.published()
    assert [(one.id, one.remaining, one.version) for one in event.payload.po_lines] == [(line_id, 3, 3)]
    assert (await inventory.level())[0] == 7
    [entry] = (await inventory.get("/v1/ledger-entries", limit=1))["data"]
    assert (entry["kind"], entry["on_hand_delta"]) == ("supplier_return", -3)
    for quantity, code in ((8, "more_than_received"), (20, "more_than_received")):
        refused = await inventory.post(
            "/v1/supplier-returns", {**body, "reference": "x", "lines": [line | {"quantity": quantity}]}
        )
        assert (refused.status_code, refused.json()["code"]) == (409, code)
    beyond = {**body, "reference": "y", "lines": [{"sku": "lamp", "quantity": 8}]}
    refused = await inventory.post("/v1/supplier-returns", beyond)
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_stock")
    assert (await inventory.post("/v1/supplier-returns", {**body, "lines": [line]})).json()["code"] == "reference_taken"
