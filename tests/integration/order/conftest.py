"""The order service on a real database, its allocation and inventory played by the tests."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest_asyncio
from sqlalchemy import event, text

from event_contracts import (
    AllocationLine,
    AllocationState,
    Event,
    OrderState,
    Promise,
    SellingMode,
    SkuPolicy,
    new_event,
    new_event_id,
)
from event_contracts.sources import ORDER_SOURCE
from order_service.config import OrderSettings
from order_service.entrypoints.http.callers import OrderService
from order_service.entrypoints.service import build
from order_service.invariants import INVARIANTS
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.persistence.database import Database
from service_kit.testing import FakeClock
from service_kit.testing.invariants import assert_invariants

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
KEYS: tuple[tuple[str, list[str], str | None], ...] = (
    ("all", sorted(SCOPES), None),
    ("shopkeeper", ["orders:read", "orders:write"], None),
    ("reader", ["orders:read"], None),
    ("warehouse", ["shipments:read", "shipments:write"], None),
    ("customer-1", ["orders:read", "orders:write", "shipments:read", "shipments:write"], "c1"),
    ("customer-2", ["orders:read", "orders:write", "shipments:read", "shipments:write"], "c2"),
)
_numbers = itertools.count(1)


@dataclass
class Shop:
    """The service with a client of all scopes, and ways to play its neighbours."""

    service: OrderService
    client: httpx.AsyncClient
    clock: FakeClock
    keys: dict[str, str]

    @property
    def database(self) -> Database:
        return self.service.database

    def client_as(self, who: str | None = None, *, token: str | None = None) -> httpx.AsyncClient:
        """A client with another of the shop's keys, or with a token, or with neither."""
        secret = token or (self.keys[who] if who else None)
        return httpx.AsyncClient(
            transport=self.client._transport,
            base_url="http://test",
            headers={"Authorization": f"Bearer {secret}"} if secret else {},
        )

    async def deliver(self, *events: Event) -> None:
        """Hand a batch to the service's handler in one transaction, as the consumer does."""
        assert self.service.subscription is not None
        async with self.database.transaction() as conn:
            await self.service.subscription.handler(conn, events)

    async def know(self, *skus: str, release_at: datetime | None = None, version: int = 1) -> None:
        """Inventory announces SKUs."""
        mode = SellingMode.PREORDER if release_at else SellingMode.BACKORDER
        await self.deliver(
            *(
                new_event(
                    "SkuPolicyChanged",
                    SkuPolicy(
                        sku=sku, version=version, mode=mode, release_at=release_at, lead_time_days=7, occurred_at=NOW
                    ),
                    source="/test",
                    sequence=version,
                )
                for sku in skus
            )
        )

    async def place(self, *lines: tuple[str, int], **fields: Any) -> dict[str, Any]:
        """Place an order of (sku, quantity) lines; its document."""
        response = await self.post_order(*lines, **fields)
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def post_order(
        self, *lines: tuple[str, int], key: str | None = None, headers: dict[str, str] | None = None, **fields: Any
    ) -> httpx.Response:
        body = {
            "reference": f"R{next(_numbers)}",
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
            **fields,
        }
        key = key or f"k{next(_numbers)}"
        return await self.client.post("/v1/orders", json=body, headers={"Idempotency-Key": key, **(headers or {})})

    async def post(self, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
        return await self.client.post(path, json=body, headers={"Idempotency-Key": key or f"k{next(_numbers)}"})

    async def ship(self, order: dict[str, Any], quantity: int, *, line: int = 0, **fields: Any) -> httpx.Response:
        body = {
            "location_id": "A",
            "lines": [{"line_id": order["lines"][line]["line_id"], "quantity": quantity}],
            **fields,
        }
        return await self.post(f"/v1/orders/{order['order_id']}/shipments", body)

    async def read(self, order: dict[str, Any]) -> dict[str, Any]:
        response = await self.client.get(f"/v1/orders/{order['order_id']}")
        assert response.status_code == 200, response.text
        return dict(response.json())

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collects the SQL statements that are run within the block."""
        seen: list[str] = []

        def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
            seen.append(statement)

        engine = self.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)

    @asynccontextmanager
    async def another_process(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client of a service of its own on the same database."""
        database = Database(self.database.url, pool_size=2)
        assert isinstance(self.service.settings, OrderSettings)
        service = build(self.service.settings, clock=self.clock, database=database)
        transport = httpx.ASGITransport(create_app(service))
        headers = {"Authorization": f"Bearer {self.keys['all']}"}
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
                yield client
        finally:
            await database.close()

    async def outbox(self) -> list[tuple[str, str, OrderState]]:
        """What waits to be sent, in order: event name, key, payload."""
        async with self.database.reading() as conn:
            rows = (await conn.execute(text("SELECT key, headers, value FROM outbox ORDER BY id"))).all()
        found = []
        for row in rows:
            headers = dict(orjson.loads(row.headers))
            name = headers["ce_type"].split(".")[1]
            payload = OrderState.model_validate_json(row.value)
            assert int(headers["ce_sequence"]) == payload.sequence
            assert headers["ce_source"] == ORDER_SOURCE
            found.append((name, row.key, payload))
        return found

    @staticmethod
    def answer_line(
        order: dict[str, Any],
        line: int = 0,
        *,
        version: int = 1,
        allocated: dict[str, int] | None = None,
        waiting: int = 0,
        declined: int = 0,
        promised: date | None = None,
        reason: str = "",
    ) -> AllocationLine:
        """Allocation's state of one line of an order's document."""
        shown = order["lines"][line]
        return AllocationLine(
            line_id=shown["line_id"],
            sku=shown["sku"],
            line_version=version,
            allocated=allocated or {},
            waiting=waiting,
            declined=declined,
            reason=reason,
            promise=Promise(date=promised, revision=1, cause="inbound") if promised else None,
        )

    @staticmethod
    def answer(
        order: dict[str, Any],
        *lines: AllocationLine,
        name: str = "OrderAllocated",
        basis: int | None = None,
        at: datetime = NOW,
    ) -> Event:
        """An event of allocation about an order's document."""
        state = AllocationState(
            order_id=order["order_id"],
            basis=order["sequence"] if basis is None else basis,
            decision_id=new_event_id(),
            decided_at=at,
            lines=tuple(lines),
        )
        return new_event(name, state, source="/test", sequence=max((line.line_version for line in lines), default=0))

    @staticmethod
    def sums(document: dict[str, Any]) -> Sequence[tuple[int, int]]:
        """Per line: the quantity, and the sum of its parts."""
        parts = ("allocated", "backordered", "shipped", "cancelled", "declined")
        return [(line["quantity"], sum(line[f"quantity_{part}"] for part in parts)) for line in document["lines"]]


OpenShop = Callable[..., Awaitable[Shop]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_shop(service_database: Any, tmp_path: Path) -> AsyncIterator[OpenShop]:
    """Make a shop with other settings than usual. The service's invariants must hold when the test ends."""
    clients: list[httpx.AsyncClient] = []
    databases: list[Database] = []

    async def make(**settings: Any) -> Shop:
        database = await service_database("order_service")
        keyring = Keyring(tmp_path / "keys.json")
        keys = {name: keyring.create_key(name, scopes, customer_id=of)[0] for name, scopes, of in KEYS}
        chosen = {
            "database_url": database.url,
            "kafka_bootstrap": "unused:9092",
            "keyring_path": tmp_path / "keys.json",
            "tracking_secret": "a secret of this test",
            **settings,
        }
        clock = FakeClock(NOW)
        service = build(OrderSettings(**chosen), clock=clock, database=database)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(service)),
            base_url="http://test",
            headers={"Authorization": f"Bearer {keys['all']}"},
        )
        clients.append(client)
        databases.append(database)
        return Shop(service, client, clock, keys)

    yield make
    for client in clients:
        await client.aclose()
    for database in databases[-1:]:
        # Orders may still wait for allocation's answer. A shop that was made later has emptied the database.
        await assert_invariants(database, INVARIANTS, at_rest=False)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(open_shop: OpenShop) -> Shop:
    """The usual shop, with the SKUs `lamp` and `bulb`."""
    shop = await open_shop()
    await shop.know("lamp", "bulb")
    return shop
