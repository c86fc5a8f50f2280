"""The Stripe adapter in front of the payment simulator, within this process."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from backorder_payment_simulator.access import Keys
from backorder_payment_simulator.app import Simulator, create_app
from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.clock import SimulatedClock
from backorder_payment_simulator.events import Events, WebhookSettings
from backorder_payment_simulator.store import Store
from order_service.adapters.payments.stripe_client import StripeAccount
from order_service.adapters.payments.stripe_provider import StripeProvider
from order_service.application.payments.ports import ProviderUnavailable, Setup
from order_service.domain.payments.attempts import Attempt, AttemptKind, Outcome
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.terms import ChargeAt, PaymentTerms

SECRET = "whsec_of_this_test"
ACCOUNT = StripeAccount("sk_test_simulator", (SECRET,), "http://simulator", "https://shop.example/back")
WEBHOOK = "http://shop.example/hook"


@dataclass
class RecordingTransport(httpx.AsyncBaseTransport):
    """Passes requests on, and keeps those of the API with their responses."""

    inner: httpx.AsyncBaseTransport
    kept: list[tuple[httpx.Request, httpx.Response]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        await response.aread()
        self.kept.append((request, response))
        return response


@dataclass
class StripeShop:
    """A shop whose provider is the adapter, whose Stripe is the simulator."""

    bank: Bank
    provider: StripeProvider
    transport: RecordingTransport
    browser: httpx.AsyncClient
    payment: Payment
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def set_up(self, card: str = "pm_card_visa") -> Setup:
        """The customer gives a card, and authenticates if it wants that: it is the method of the payment now."""
        setup = await self.provider.set_up("WEB-1", "customer-1")
        form = {"payment_method": card, "client_secret": setup.client_secret or ""}
        headers = {"Authorization": "Bearer pk_test_simulator"}
        response = await self.browser.post(f"/v1/setup_intents/{setup.setup_id}/confirm", data=form, headers=headers)
        assert response.status_code == 200, response.text
        if response.json()["status"] == "requires_action":
            await self.act(f"setup_intents/{setup.setup_id}/authenticate", succeeds=True)
        self.payment.method = setup.setup_id
        return setup

    def attempt(self, kind: AttemptKind, amount: int = 1000, of: Attempt | None = None) -> Attempt:
        """A new attempt, stored and not sent."""
        attempt = Attempt(
            attempt_id=f"attempt-{next(self.numbers)}",
            kind=kind,
            amount=amount,
            created_at=datetime.fromtimestamp(self.bank.timestamp(), UTC),
            of=None if of is None else of.attempt_id,
            method=self.payment.method,
        )
        self.payment.attempts.append(attempt)
        return attempt

    async def submit(self, attempt: Attempt) -> Outcome:
        """Send an attempt, and note what came of it."""
        return self.note(attempt, await self.provider.submit(self.payment, attempt))

    async def fetch(self, attempt: Attempt) -> Outcome:
        """Ask how an attempt stands."""
        return self.note(attempt, await self.provider.fetch(self.payment, attempt))

    async def find(self, attempt: Attempt) -> Outcome | None:
        """Look for an attempt by its id."""
        return await self.provider.find(self.payment, attempt)

    async def do(self, kind: AttemptKind, amount: int = 1000, of: Attempt | None = None) -> tuple[Attempt, Outcome]:
        """Make an attempt and send it."""
        attempt = self.attempt(kind, amount, of)
        return attempt, await self.submit(attempt)

    async def lose(self, attempt: Attempt, *faults: str) -> None:
        """Send an attempt while the network has faults: what came of it is not known."""
        await self.act("faults", next=list(faults))
        try:
            await self.submit(attempt)
        except ProviderUnavailable:
            return
        raise AssertionError("the outcome is known")

    async def act(self, path: str, **wanted: Any) -> dict[str, Any]:
        """Something that only a simulator does."""
        response = await self.browser.post(f"/_simulator/{path}", json=wanted)
        assert response.status_code == 200, response.text
        told: dict[str, Any] = response.json()
        return told

    async def skip(self, seconds: float) -> None:
        """Let time pass at the bank."""
        await self.act("clock", skip_seconds=seconds)

    def count(self, kind: str) -> int:
        """How many objects of a kind there are at the bank."""
        return sum(1 for _ in self.bank.store.newest(kind))

    async def webhooks(self) -> list[httpx.Request]:
        """All webhook requests so far, as the shop gets them."""
        got: list[httpx.Request] = []

        def receive(request: httpx.Request) -> httpx.Response:
            got.append(request)
            return httpx.Response(200)

        async with httpx.AsyncClient(transport=httpx.MockTransport(receive)) as client:
            while await self.bank.events.deliver_due(client):
                pass
        return got

    @staticmethod
    def note(attempt: Attempt, outcome: Outcome) -> Outcome:
        """Keep what later calls need to know."""
        attempt.state = outcome.state
        attempt.reference = outcome.reference or attempt.reference
        return outcome


@asynccontextmanager
async def open_stripe_shop(currency: str = "EUR") -> AsyncIterator[StripeShop]:
    """A shop with a payment that has no method yet."""
    store = Store()
    clock = SimulatedClock(store)
    settings = WebhookSettings(WEBHOOK, SECRET, repeated=0, spread=0)
    bank = Bank(store, clock, Events(store, clock, settings), public_url="http://simulator")
    app = httpx.ASGITransport(create_app(Simulator(bank, Keys())))
    transport = RecordingTransport(app)
    provider = StripeProvider(ACCOUNT, transport=transport)
    payment = Payment(
        "payment-1", "order-1", "stripe", PaymentTerms(currency, ChargeAt.ALLOCATION), "", datetime.now(UTC)
    )
    async with httpx.AsyncClient(transport=app, base_url="http://simulator") as browser:
        yield StripeShop(bank, provider, transport, browser, payment)
    await provider.close()
    store.close()


def object_of(request: httpx.Request) -> dict[str, Any]:
    """The object in a webhook's body."""
    told: dict[str, Any] = json.loads(request.content)["data"]["object"]
    return told
