"""The order service under test: its HTTP API, with allocation and inventory played by the tests."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from tests.unit.order.in_memory_stores import InMemoryOrderUnits

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
from order_service.adapters.polling_order_watch import PollingOrderWatch
from order_service.bootstrap import OrderApplication
from service_kit.hosting.service import Service
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.testing import FakeClock

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_KEYS: tuple[tuple[str, list[str], str | None], ...] = (
    ("all", sorted(SCOPES), None),
    ("shopkeeper", ["orders:read", "orders:write"], None),
    ("reader", ["orders:read"], None),
    ("warehouse", ["shipments:read", "shipments:write"], None),
    ("customer-1", ["orders:read", "orders:write", "shipments:read"], "c1"),
    ("customer-2", ["orders:read", "orders:write", "shipments:read"], "c2"),
)
_numbers = itertools.count(1)


def make_keys(keyring_path: Path) -> dict[str, str]:
    """API keys for the callers of a shop, by the caller's name."""
    keyring = Keyring(keyring_path)
    return {name: keyring.create_key(name, scopes, customer_id=of)[0] for name, scopes, of in _KEYS}


def open_client(service: Service, keys: dict[str, str]) -> httpx.AsyncClient:
    """A client with every scope."""
    transport = httpx.ASGITransport(create_app(service))
    headers = {"Authorization": f"Bearer {keys['all']}"}
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


@dataclass
class Shop(ABC):
    """The service, a client with every scope, and events as its neighbours would send them."""

    service: Service
    client: httpx.AsyncClient
    clock: FakeClock
    keys: dict[str, str]

    @abstractmethod
    async def deliver(self, *events: Event) -> None:
        """Handle a batch of events in one transaction, as the consumer does."""

    @abstractmethod
    async def published(self) -> list[tuple[str, str, OrderState]]:
        """The events that the service has published, in order: name, key, payload."""

    @property
    def app(self) -> FastAPI:
        """The application that answers the client's requests."""
        assert isinstance(self.client._transport, httpx.ASGITransport)
        assert isinstance(self.client._transport.app, FastAPI)
        return self.client._transport.app

    @property
    def watch(self) -> PollingOrderWatch:
        """What wakes the requests that wait for an order to change."""
        assert isinstance(self.service.api.application, OrderApplication)
        return self.service.api.application.watch

    def client_as(self, who: str | None = None, *, token: str | None = None) -> httpx.AsyncClient:
        """A client with another of the shop's keys, or with a token, or with neither."""
        secret = token or (self.keys[who] if who else None)
        return httpx.AsyncClient(
            transport=self.client._transport,
            base_url="http://test",
            headers={"Authorization": f"Bearer {secret}"} if secret else {},
        )

    async def know(self, *skus: str, release_at: datetime | None = None, version: int = 1) -> None:
        """Inventory announces SKUs."""
        await self.deliver(*(sku_policy(sku, release_at=release_at, version=version) for sku in skus))

    async def place(self, *lines: tuple[str, int], **fields: Any) -> dict[str, Any]:
        """Place an order of (sku, quantity) lines; its document."""
        response = await self.post_order(*lines, **fields)
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def post_order(
        self, *lines: tuple[str, int], key: str | None = None, headers: dict[str, str] | None = None, **fields: Any
    ) -> httpx.Response:
        """Ask for an order of (sku, quantity) lines."""
        body = {
            "reference": f"R{next(_numbers)}",
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
            **fields,
        }
        key = key or f"k{next(_numbers)}"
        return await self.client.post("/v1/orders", json=body, headers={"Idempotency-Key": key, **(headers or {})})

    async def post(self, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
        """POST with an idempotency key."""
        return await self.client.post(path, json=body, headers={"Idempotency-Key": key or f"k{next(_numbers)}"})

    async def patch(self, path: str, body: dict[str, Any], version: int | None) -> httpx.Response:
        """PATCH on a version, or without one."""
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        return await self.client.patch(path, json=body, headers=headers)

    async def ship(self, order: dict[str, Any], quantity: int, *, line: int = 0, **fields: Any) -> httpx.Response:
        """Report units of one line as having left location A."""
        body = {
            "location_id": "A",
            "lines": [{"line_id": order["lines"][line]["line_id"], "quantity": quantity}],
            **fields,
        }
        return await self.post(f"/v1/orders/{order['order_id']}/shipments", body)

    async def read(self, order: dict[str, Any]) -> dict[str, Any]:
        """The order's document as it is now."""
        response = await self.client.get(f"/v1/orders/{order['order_id']}")
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def history(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        """All history entries of the order."""
        response = await self.client.get(f"/v1/orders/{order['order_id']}/events", params={"limit": 500})
        return list(response.json()["data"])

    async def allocated(self, *lines: tuple[str, int], **fields: Any) -> dict[str, Any]:
        """Place an order whose lines are then wholly allocated at location A."""
        order = await self.place(*lines, **fields)
        answers = [answer_line(order, index, allocated={"A": quantity}) for index, (_, quantity) in enumerate(lines)]
        await self.deliver(answer(order, *answers))
        return await self.read(order)

    async def tracking_link(self, order: dict[str, Any], **body: int) -> dict[str, Any]:
        """Make a tracking link for the order."""
        response = await self.post(f"/v1/orders/{order['order_id']}/tracking-links", body)
        assert response.status_code == 201, response.text
        return dict(response.json())


@dataclass
class InMemoryShop(Shop):
    """The service on stores in memory."""

    units: InMemoryOrderUnits

    async def deliver(self, *events: Event) -> None:
        """See Shop."""
        assert self.service.subscription is not None
        async with self.units.begin() as uow:
            await self.service.subscription.handle(uow, events)  # type: ignore[arg-type]
            await uow.commit()

    async def published(self) -> list[tuple[str, str, OrderState]]:
        """See Shop."""
        found = []
        for event in self.units.outbox:
            assert isinstance(event.payload, OrderState)
            assert event.sequence == event.payload.sequence
            found.append((event.name, event.key, event.payload))
        return found


def sku_policy(sku: str, *, release_at: datetime | None = None, version: int = 1) -> Event:
    """Inventory's event about a SKU, which is a preorder if it has a release date."""
    mode = SellingMode.PREORDER if release_at else SellingMode.BACKORDER
    policy = SkuPolicy(sku=sku, version=version, mode=mode, release_at=release_at, lead_time_days=7, occurred_at=NOW)
    return new_event("SkuPolicyChanged", policy, source="/test", sequence=version)


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
    **coded: Any,
) -> AllocationLine:
    """Allocation's state of one line of an order's document; ``coded`` is the reason's code with its parameters."""
    shown = order["lines"][line]
    return AllocationLine(
        line_id=shown["line_id"],
        sku=shown["sku"],
        line_version=version,
        allocated=allocated or {},
        waiting=waiting,
        declined=declined,
        reason=reason,
        **coded,
        promise=Promise(date=promised, revision=1, cause="inbound") if promised else None,
    )


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


def placed_document(placed: OrderState) -> dict[str, Any]:
    """As much of a new order's document as `answer` needs, taken from its event."""
    lines = [{"line_id": line.line_id, "sku": line.sku} for line in placed.lines]
    return {"order_id": placed.order_id, "sequence": placed.sequence, "lines": lines}


def sums(document: dict[str, Any]) -> Sequence[tuple[int, int]]:
    """By line: the quantity, and the sum of its parts."""
    parts = ("allocated", "backordered", "shipped", "cancelled", "declined")
    return [(line["quantity"], sum(line[f"quantity_{part}"] for part in parts)) for line in document["lines"]]
