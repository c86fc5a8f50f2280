"""Purchase orders: inbound is announced, moved, shortened by receipts, and closed."""

from typing import Any


def path_of(order) -> str:
    return f"/v1/purchase-orders/{order['purchase_order_id']}/lines/{order['lines'][0]['line_id']}"


def line_of(order) -> dict[str, Any]:
    return {"purchase_order_line_id": order["lines"][0]["line_id"]}


async def change(inventory, order, body, if_match: str | None):
    headers = {} if if_match is None else {"If-Match": if_match}
    return await inventory.client.patch(path_of(order), json=body, headers=headers)


async def the_line(inventory, order) -> tuple[int, int, int, str]:
    line = await inventory.get(path_of(order))
    return line["quantity_received"], line["quantity_cancelled"], line["quantity_open"], line["state"]


async def test_each_line_of_a_new_order_is_announced_as_inbound(inventory):
    lines = [
        {"sku": "lamp", "quantity": 10, "eta": "2010-12-20"},
        {"sku": "chair", "quantity": 5, "eta": "2010-12-21T17:00:00+01:00"},
    ]
    body = {
        "reference": "po-1",
        "supplier_id": "acme",
        "location_id": "main",
        "ordered_at": "2010-12-01T08:00:00Z",
        "lines": lines,
    }
    response = await inventory.post("/v1/purchase-orders", body)
    assert response.status_code == 201
    order = response.json()
    assert [line["eta"] for line in order["lines"]] == ["2010-12-20T00:00:00Z", "2010-12-21T16:00:00Z"]
    events = await inventory.published()
    assert [(event.name, event.key, event.sequence) for event in events] == [
        ("InboundScheduled", "lamp", 1),
        ("InboundScheduled", "chair", 1),
    ]
    inbound = events[0].payload
    assert (inbound.remaining, inbound.supplier, inbound.location, inbound.version) == (10, "acme", "main", 1)
    assert inbound.po_line == order["lines"][0]["line_id"]
    assert inbound.occurred_at.isoformat() == "2010-12-01T08:00:00+00:00"
    assert (await inventory.get("/v1/purchase-orders", reference="po-1"))["data"] == [order]


async def test_unknown_names_are_refused_with_their_places(inventory):
    lines = [{"sku": "lamp", "quantity": 1, "eta": "2010-12-20"}, {"sku": "no", "quantity": 1, "eta": "2010-12-20"}]
    body = {"reference": "po", "supplier_id": "nobody", "location_id": "nowhere", "lines": lines}
    response = await inventory.post("/v1/purchase-orders", body)
    assert response.status_code == 422
    found = [error["pointer"] for error in response.json()["errors"]]
    assert found == ["/supplier_id", "/location_id", "/lines/1/sku"]
    assert await inventory.published() == []


async def test_a_taken_reference_names_the_order_that_holds_it(inventory):
    order = await inventory.order()
    body = {
        "reference": order["reference"],
        "supplier_id": "acme",
        "location_id": "main",
        "lines": [{"sku": "lamp", "quantity": 1, "eta": "2010-12-20"}],
    }
    response = await inventory.post("/v1/purchase-orders", body)
    assert (response.status_code, response.json()["existing_id"]) == (409, order["purchase_order_id"])


async def test_a_partial_receipt_and_the_fall_of_its_inbound_are_one_event(inventory):
    order = await inventory.order(10)
    await inventory.published()
    await inventory.receive(4, line=line_of(order))
    assert await the_line(inventory, order) == (4, 0, 6, "partly_received")
    [event] = await inventory.published()
    assert event.name == "StockReceived"
    [po_line] = event.payload.po_lines
    assert (po_line.id, po_line.remaining, po_line.version) == (order["lines"][0]["line_id"], 6, 2)


async def test_a_receipt_for_another_sku_than_ordered_is_refused(inventory):
    order = await inventory.order(10)
    line = {"sku": "chair", "quantity": 3, **line_of(order)}
    response = await inventory.post("/v1/receipts", {"reference": "r", "location_id": "main", "lines": [line]})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/lines/0/purchase_order_line_id"


async def test_a_return_names_no_order_line(inventory):
    order = await inventory.order(10)
    line = {"sku": "lamp", "quantity": 3, **line_of(order)}
    body = {"reference": "r", "location_id": "main", "kind": "return", "lines": [line]}
    assert (await inventory.post("/v1/receipts", body)).status_code == 422


async def test_a_slip_is_announced_with_the_next_version(inventory):
    order = await inventory.order(10)
    await inventory.published()
    response = await change(inventory, order, {"eta": "2010-12-27", "changed_at": "2010-12-19T09:00:00Z"}, '"1"')
    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')
    [event] = await inventory.published()
    assert (event.name, event.sequence, event.payload.remaining) == ("InboundRescheduled", 2, 10)
    assert event.payload.eta.isoformat() == "2010-12-27T00:00:00+00:00"


async def test_a_change_needs_the_etag_of_the_line_or_of_its_order_as_they_are_now(inventory):
    order = await inventory.order(10)
    shown = await inventory.client.get(f"/v1/purchase-orders/{order['purchase_order_id']}")
    assert (await change(inventory, order, {"quantity": 11}, None)).status_code == 428
    assert (await change(inventory, order, {"quantity": 11}, shown.headers["ETag"])).status_code == 200
    assert (await change(inventory, order, {"quantity": 12}, shown.headers["ETag"])).status_code == 412
    assert (await change(inventory, order, {"quantity": 12}, '"1"')).status_code == 412
    assert (await change(inventory, order, {"quantity": 12}, '"2"')).status_code == 200


async def test_a_quantity_below_what_arrived_is_refused_and_down_to_it_ends_the_inbound(inventory):
    order = await inventory.order(10)
    await inventory.receive(4, line=line_of(order))
    await inventory.published()
    response = await change(inventory, order, {"quantity": 3}, '"2"')
    assert (response.status_code, response.json()["code"]) == (409, "quantity_below_received")
    assert (await change(inventory, order, {"quantity": 4}, '"2"')).status_code == 200
    [event] = await inventory.published()
    assert (event.name, event.payload.remaining) == ("InboundCancelled", 0)


async def test_a_short_close_ends_the_inbound_once(inventory):
    order = await inventory.order(10)
    await inventory.receive(4, line=line_of(order))
    await inventory.published()
    for _ in range(2):
        response = await inventory.client.post(f"{path_of(order)}/close", json={"reason": "not coming"})
        assert response.status_code == 200
    assert (await inventory.client.post(f"{path_of(order)}/close")).status_code == 200
    assert await the_line(inventory, order) == (4, 6, 0, "closed")
    [event] = await inventory.published()
    assert (event.name, event.payload.remaining, event.payload.version) == ("InboundCancelled", 0, 3)
    refused = await change(inventory, order, {"eta": "2011-01-01"}, '"3"')
    assert (refused.status_code, refused.json()["state"]) == (409, "closed")


async def test_a_line_of_another_order_is_not_found(inventory):
    one, other = await inventory.order(), await inventory.order()
    mixed = {"purchase_order_id": one["purchase_order_id"], "lines": other["lines"]}
    assert (await change(inventory, mixed, {"quantity": 3}, '"1"')).status_code == 404
    assert (await inventory.client.post(f"{path_of(mixed)}/close")).status_code == 404
    assert (await inventory.client.get(path_of(mixed))).status_code == 404


async def test_orders_are_listed_newest_first_and_by_what_is_open(inventory):
    orders = [await inventory.order(5, sku=sku) for sku in ("lamp", "chair", "lamp")]
    ids = [order["purchase_order_id"] for order in orders]
    await inventory.receive(5, line=line_of(orders[2]))

    async def listed(**query) -> list[str]:
        return [order["purchase_order_id"] for order in (await inventory.get("/v1/purchase-orders", **query))["data"]]

    assert await listed() == ids[::-1]
    assert await listed(sku="lamp") == [ids[2], ids[0]]
    assert await listed(open="true") == [ids[1], ids[0]]
    assert await listed(open="false") == [ids[2]]
    assert await listed(supplier_id="other") == []


async def test_a_bad_line_is_refused_with_its_place(inventory):
    good = {"sku": "lamp", "quantity": 1, "eta": "2010-12-20"}
    for line, pointer in (
        ({**good, "eta": "soon"}, "/lines/0/eta"),
        ({**good, "eta": "2010-12-20T10:00:00"}, "/lines/0/eta"),
        ({**good, "eta": 1291766400}, "/lines/0/eta"),
        ({**good, "eta": "0001-01-01T00:00:00+10:00"}, "/lines/0/eta"),
        ({**good, "quantity": 0}, "/lines/0/quantity"),
    ):
        body = {"reference": "r", "supplier_id": "acme", "location_id": "main", "lines": [line]}
        response = await inventory.post("/v1/purchase-orders", body)
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
