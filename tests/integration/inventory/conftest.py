"""Inventory on a real database: its HTTP API in process, its consumer handler, and its outbox."""

import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.scenario import Neighbours, OrderRecord, take_outbox
from tests.unit.inventory.scenario import new_neighbours

import inventory_service.entrypoints.service
from event_contracts import Event
from event_contracts.sources import INVENTORY_SOURCE
from inventory_service.config import InventorySettings
from inventory_service.invariants import INVARIANTS
from service_kit.hosting.service import Service
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.messaging.inbox import insert_new
from service_kit.persistence.database import Database
from service_kit.testing.invariants import assert_invariants


@dataclass
class Inventory:
    """One process of the service, and the database behind it."""

    service: Service
    client: httpx.AsyncClient
    database: Database
    keys: dict[str, str]
    """Other keys by what they may do: "writer" has only inventory:write, "reader" only inventory:read."""
    neighbours: Neighbours = field(default_factory=new_neighbours)
    _numbers: Any = field(default_factory=itertools.count)

    def headers(self, name: str) -> dict[str, str]:
        """Headers of a creating request with one of the ``keys``."""
        return {"Authorization": f"Bearer {self.keys[name]}", "Idempotency-Key": f"key-{next(self._numbers)}"}

    async def put(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.client.put(path, json=body, headers=headers)

    async def post(self, path: str, body: Any, *, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or f"key-{next(self._numbers)}"}
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, path: str, **params: Any) -> Any:
        response = await self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    async def receive(self, quantity: int, sku: str = "lamp", location: str = "main", **more: Any) -> Any:
        line = {"sku": sku, "quantity": quantity, **more.pop("line", {})}
        body = {"reference": f"r-{next(self._numbers)}", "location_id": location, "lines": [line], **more}
        response = await self.post("/v1/receipts", body)
        assert response.status_code == 201, response.text
        return response.json()

    async def order(self, quantity: int = 10, sku: str = "lamp", eta: str = "2010-12-20") -> Any:
        body = {
            "reference": f"po-{next(self._numbers)}",
            "supplier_id": "acme",
            "location_id": "main",
            "lines": [{"sku": sku, "quantity": quantity, "eta": eta}],
        }
        response = await self.post("/v1/purchase-orders", body)
        assert response.status_code == 201, response.text
        return response.json()

    async def level(self, sku: str = "lamp", location: str = "main") -> tuple[int, int, int]:
        """On hand, shipped, version."""
        rows = (await self.get("/v1/stock-levels", sku=sku, location_id=location))["data"]
        return (rows[0]["on_hand"], rows[0]["shipped"], rows[0]["version"]) if rows else (0, 0, 0)

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.database.reading() as conn:
            return list((await conn.execute(text(query), values)).all())

    async def published(self) -> list[Event]:
        """What was published since the last call."""
        found = await take_outbox(self.database)
        assert all(event.source == INVENTORY_SOURCE for event in found)
        return found

    async def apply(self, *events: Event, remember: bool = True) -> None:
        """A consumer's turn: inbox and handler in one transaction. Without ``remember`` the inbox was purged."""
        subscription = self.service.subscription
        assert subscription is not None
        async with self.database.transaction() as conn:
            new: Sequence[Event] = await insert_new(conn, "inventory", events) if remember else events
            if new:
                await subscription.handle(conn, new)

    async def check(self) -> None:
        """Every invariant of inventory holds."""
        await assert_invariants(self.database, INVARIANTS)


@pytest.fixture
async def empty(service_database, tmp_path) -> AsyncIterator[Inventory]:
    """The service with nothing in it; its key holds every scope. Its invariants must hold when the test ends."""
    database = await service_database("inventory_service")
    keyring = Keyring(tmp_path / "keyring.json")
    # All before the first request: services look at a changed keyring only now and then.
    secret, _ = keyring.create_key("test", sorted(SCOPES))
    few = {"writer": ["inventory:write"], "reader": ["inventory:read"]}
    keys = {name: keyring.create_key(name, scopes)[0] for name, scopes in few.items()}
    settings = InventorySettings(
        database_url=database.url, kafka_bootstrap="unused:9092", keyring_path=tmp_path / "keyring.json"
    )
    service = inventory_service.entrypoints.service.build(settings, database=database)
    headers = {"Authorization": f"Bearer {secret}"}
    transport = httpx.ASGITransport(create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://inventory", headers=headers) as client:
        inventory = Inventory(service, client, database, keys)
        yield inventory
        await inventory.check()


@pytest.fixture
async def inventory(empty: Inventory) -> Inventory:
    """The service with two SKUs, two locations and a supplier, all of it announced already."""
    assert (await empty.put("/v1/locations/main", {"name": "Main", "priority": 10})).status_code == 201
    assert (await empty.put("/v1/locations/south", {"name": "South"})).status_code == 201
    assert (await empty.put("/v1/suppliers/acme", {"name": "Acme"})).status_code == 201
    body = {"skus": [{"sku": "lamp", "name": "Lamp"}, {"sku": "chair", "name": "Chair"}]}
    assert (await empty.put("/v1/skus", body)).status_code == 200
    await empty.published()
    return empty


@pytest.fixture
def order(inventory: Inventory) -> OrderRecord:
    """An order of ten lamps, as the order service keeps it."""
    order, _ = inventory.neighbours.order("order-1", ("lamp", 10))
    return order
