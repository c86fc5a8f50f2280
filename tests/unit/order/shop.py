"""The order service under test: its HTTP API, with allocation and inventory played by the tests."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Unpack

import httpx
from fastapi import FastAPI
from tests.scenario import AnswerTerms, LineAnswer, Neighbours
from tests.unit.order.in_memory_stores import InMemoryOrderUnits
from tests.unit.order.scenarios import neighbours_at

from event_contracts import Event, OrderState
from order_service.adapters.polling_order_watch import PollingOrderWatch
from order_service.bootstrap import OrderApplication
from service_kit.hosting.service import Service
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.testing import FakeClock

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
    neighbours: Neighbours = field(init=False)

    def __post_init__(self) -> None:
        self.neighbours = neighbours_at(self.clock)

    @abstractmethod
    async def apply(self, *events: Event) -> None:
        """Handle a batch of events in one transaction, as the consumer does."""

    @abstractmethod
    async def published(self) -> list[Event]:
        """What was published since the last call."""

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

    async def know(self, *skus: str, release_at: datetime | None = None) -> None:
        """Inventory announces SKUs."""
        await self.apply(*(self.neighbours.sku(sku, release_at=release_at) for sku in skus))

    def answer(self, order: dict[str, Any], *answers: LineAnswer, **terms: Unpack[AnswerTerms]) -> Event:
        """Allocation's answer about an order, which is known by its document."""
        return self.neighbours.answer(state_of(order), *answers, **terms)

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
        answers = [LineAnswer(line=line, allocated=quantity) for line, (_, quantity) in enumerate(lines, start=1)]
        await self.apply(self.answer(order, *answers))
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

    async def apply(self, *events: Event) -> None:
        """See Shop."""
        assert self.service.subscription is not None
        async with self.units.begin() as uow:
            await self.service.subscription.handle(uow, events)  # type: ignore[arg-type]
            await uow.commit()

    async def published(self) -> list[Event]:
        """See Shop."""
        events = list(self.units.outbox)
        self.units.outbox.clear()
        return events


def state_of(document: dict[str, Any]) -> OrderState:
    """As much of an order as allocation answers to, from its document."""
    lines = [{name: line[name] for name in ("line_id", "sku", "quantity")} for line in document["lines"]]
    known = {name: document[name] for name in ("order_id", "sequence", "reference", "placed_at", "updated_at")}
    return OrderState.model_validate({**known, "lines": lines})


def order_in(event: Event) -> OrderState:
    """The order that an event of the service tells of."""
    assert isinstance(event.payload, OrderState)
    assert event.sequence == event.payload.sequence
    return event.payload


def sums(document: dict[str, Any]) -> Sequence[tuple[int, int]]:
    """By line: the quantity, and the sum of its parts."""
    parts = ("allocated", "backordered", "shipped", "cancelled", "declined")
    return [(line["quantity"], sum(line[f"quantity_{part}"] for part in parts)) for line in document["lines"]]
