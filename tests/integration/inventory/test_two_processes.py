"""Two processes on one database: requests, shipments and counts at once."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator

import httpx
import pytest

import inventory_service.entrypoints.service
from inventory_service.config import InventorySettings
from service_kit.http.app import create_app
from service_kit.persistence.database import Database


@pytest.fixture
async def other(inventory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the second process."""
    database = Database(inventory.database.url)
    settings = InventorySettings(
        database_url=database.url,
        kafka_bootstrap="unused:9092",
        keyring_path=inventory.service.settings.keyring_path,
    )
    app = create_app(inventory_service.entrypoints.service.build(settings, database=database))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://other", headers=inventory.client.headers
    ) as client:
        yield client
    await database.close()


async def test_one_post_fifty_times_at_once_on_both_is_one_receipt(inventory, other):
    body = {"reference": "grn-1", "location_id": "main", "lines": [{"sku": "lamp", "quantity": 5}]}
    answers = await asyncio.gather(
        *(
            client.post("/v1/receipts", json=body, headers={"Idempotency-Key": "k"})
            for client in (inventory.client, other) * 25
        )
    )
    # While the other process holds the key it answers 409 with Retry-After; never a second receipt.
    assert {answer.status_code for answer in answers} <= {201, 409}
    created = {answer.json()["receipt_id"] for answer in answers if answer.status_code == 201}
    assert len(created) == 1
    assert await inventory.level() == (5, 0, 1)
    assert len(await inventory.published()) == 1


async def test_one_reference_on_both_is_taken_once(inventory, other):
    async def post(client: httpx.AsyncClient, number: int) -> int:
        body = {"reference": f"grn-{number // 2}", "location_id": "main", "lines": [{"sku": "lamp", "quantity": 1}]}
        response = await client.post("/v1/receipts", json=body, headers={"Idempotency-Key": f"k{number}"})
        return response.status_code

    statuses = await asyncio.gather(
        *(post(client, number) for number, client in enumerate((inventory.client, other) * 20))
    )
    assert sorted(statuses) == [201] * 20 + [409] * 20
    assert await inventory.level() == (20, 0, 20)


async def test_everything_at_once_keeps_the_ledger_and_the_order_of_versions(inventory, other):
    order = await inventory.order(500)
    line_id = order["lines"][0]["line_id"]
    line_path = f"/v1/purchase-orders/{order['purchase_order_id']}/lines/{line_id}"
    await inventory.receive(1_000)
    await inventory.receive(1_000, sku="chair")
    seeded = random.Random(3)

    def receipt(number: int) -> tuple[str, dict[str, object]]:
        lines: list[dict[str, object]] = [
            {"sku": "lamp", "quantity": 1, "purchase_order_line_id": line_id},
            {"sku": "chair", "quantity": 2},
        ]
        seeded.shuffle(lines)
        return "/v1/receipts", {"reference": f"x{number}", "location_id": "main", "lines": lines}

    def count(number: int) -> tuple[str, dict[str, object]]:
        lines = [{"sku": sku, "counted_quantity": 900 + number} for sku in seeded.sample(["lamp", "chair"], 2)]
        return "/v1/counts", {"reference": f"x{number}", "location_id": "main", "lines": lines}

    def adjustment(number: int) -> tuple[str, dict[str, object]]:
        lines = [{"sku": sku, "delta": -1} for sku in seeded.sample(["lamp", "chair"], 2)]
        return "/v1/adjustments", {"reference": f"x{number}", "location_id": "main", "reason": "x", "lines": lines}

    async def post(number: int) -> None:
        path, body = seeded.choice([receipt, receipt, count, adjustment])(number)
        client = seeded.choice([inventory.client, other])
        response = await client.post(path, json=body, headers={"Idempotency-Key": f"x{number}"})
        assert response.status_code == 201, response.text

    async def ship(number: int) -> None:
        events = []
        for position, sku in enumerate(seeded.sample(["lamp", "chair"], 2)):
            order, _ = inventory.neighbours.order(f"order-{number}-{position}", (sku, 10))
            events.append(inventory.neighbours.ship(order, 1, 1))
        await inventory.apply(*events)

    async def slip(number: int) -> None:
        body = {"eta": f"2011-01-{number + 1:02}"}
        response = await other.patch(line_path, json=body, headers={"If-Match": "*"})
        assert response.status_code == 200, response.text

    async def prioritise(number: int) -> None:
        response = await other.put("/v1/locations/main", json={"name": "Main", "priority": number})
        assert response.status_code == 200, response.text

    await asyncio.gather(
        *(post(number) for number in range(60)),
        *(ship(number) for number in range(20)),
        *(slip(number) for number in range(12)),
        *(prioritise(number) for number in range(5)),
    )
    await inventory.check()
    reached: dict[tuple[str, str], int] = defaultdict(int)
    for event in await inventory.published():
        if event.name in ("StockReceived", "StockLevelChanged"):
            for level in event.payload.levels:
                place = ("level", f"{event.key}@{level.location}")
                assert level.version > reached[place], "the outbox holds a level's versions in their order"
                reached[place] = level.version
            for po_line in event.payload.po_lines:
                assert po_line.version > reached["line", po_line.id]
                reached["line", po_line.id] = po_line.version
        elif event.name.startswith("Inbound"):
            assert event.payload.version > reached["line", event.payload.po_line]
            reached["line", event.payload.po_line] = event.payload.version
    for sku in ("lamp", "chair"):
        assert reached["level", f"{sku}@main"] == (await inventory.level(sku))[2]
    line = await inventory.get(line_path)
    assert reached["line", line_id] == line["version"]
