"""A shop's side of the simulator: calls in Stripe's wire, within this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from backorder_payment_simulator.app import Simulator, create_app
from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.clock import SimulatedClock
from backorder_payment_simulator.events import Events, WebhookSettings
from backorder_payment_simulator.store import Store

DAY = 24 * 3600


@dataclass
class Shop:
    """Calls the simulator with its secret key."""

    bank: Bank
    client: httpx.AsyncClient

    async def post(
        self, path: str, form: Mapping[str, str] | None = None, *, key: str | None = None, status: int = 200
    ) -> dict[str, Any]:
        """A call that changes something; the response must have the status."""
        headers = {"Idempotency-Key": key} if key else {}
        return _checked(await self.client.post(f"/v1/{path}", data=dict(form or {}), headers=headers), status)

    async def get(self, path: str, *, status: int = 200) -> dict[str, Any]:
        """A call that only reads."""
        return _checked(await self.client.get(f"/v1/{path}"), status)

    async def act(self, path: str, *, status: int = 200, **wanted: Any) -> dict[str, Any]:
        """Something that only a simulator does."""
        return _checked(await self.client.post(f"/_simulator/{path}", json=wanted), status)

    async def pay(self, card: str = "pm_card_visa", status: int = 200, /, **more: str) -> dict[str, Any]:
        """Charge a card with 10 euros, off session."""
        form = {"amount": "1000", "currency": "eur", "confirm": "true", "off_session": "true", "payment_method": card}
        return await self.post("payment_intents", form | more, status=status)

    async def hold(self, card: str = "pm_card_visa", /, **more: str) -> dict[str, Any]:
        """Hold 10 euros."""
        return await self.pay(card, 200, **{"capture_method": "manual", "expand[]": "latest_charge"} | more)

    async def told(self) -> list[str]:
        """The types of the events so far, the oldest first."""
        return [event["type"] for event in (await self.get("events?limit=100"))["data"]][::-1]


def make_bank(path: Path | None = None, webhooks: WebhookSettings | None = None) -> Bank:
    """A bank with nothing in it, or with what the file holds."""
    store = Store(path)
    clock = SimulatedClock(store)
    return Bank(store, clock, Events(store, clock, webhooks or WebhookSettings()), public_url="http://simulator")


@asynccontextmanager
async def open_shop(path: Path | None = None) -> AsyncIterator[Shop]:
    """A shop whose provider is a simulator."""
    bank = make_bank(path)
    transport = httpx.ASGITransport(create_app(Simulator(bank)))
    headers = {"Authorization": "Bearer sk_test_simulator"}
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator", headers=headers) as client:
        yield Shop(bank, client)
    bank.store.close()


def _checked(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body
