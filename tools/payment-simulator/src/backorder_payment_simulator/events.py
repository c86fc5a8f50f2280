"""Events and their webhooks: signed, repeated and out of order, as Stripe says they may be."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from dataclasses import dataclass

import httpx

from backorder_payment_simulator.clock import SimulatedClock
from backorder_payment_simulator.store import Delivery, Store
from backorder_payment_simulator.wire import API_VERSION, WireObject, new_id, public

MOST_TRIES = 12
"""After so many failures, about an hour, a delivery is given up."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where events go. ``repeated`` of them are sent twice, each waits up to ``spread`` seconds before it is sent."""

    url: str | None = None
    secret: str = "whsec_simulator"  # noqa: S105 - of a simulator that takes no money
    repeated: float = 0.25
    spread: float = 1.5
    seed: int = 0


class Events:
    """Makes events and delivers them."""

    def __init__(self, store: Store, clock: SimulatedClock, settings: WebhookSettings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._chance = random.Random(settings.seed)

    def happened(self, kind: str, item: WireObject) -> None:
        """Something happened to an object: an event has it as it is now."""
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": int(self._clock.now()),
            "data": {"object": public(item)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        self._store.put(event)
        if self._settings.url is not None:
            copies = 2 if self._chance.random() < self._settings.repeated else 1
            for _ in range(copies):
                self._store.deliver(str(event["id"]), time.time() + self._chance.uniform(0, self._settings.spread))

    async def deliver_due(self, client: httpx.AsyncClient) -> int:
        """Send what is to be sent now; how many deliveries were tried."""
        due = self._store.due_deliveries(time.time())
        for delivery in due:
            arrived = await self._deliver(client, delivery)
            if arrived or delivery.tries + 1 >= MOST_TRIES:
                self._store.delivered(delivery)
            else:
                self._store.try_again(delivery, time.time() + min(2.0**delivery.tries, 600.0))
            self._store.commit()
        return len(due)

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> bool:
        body = json.dumps(public(self._store.get("event", delivery.event_id)))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(body, self._settings.secret, int(time.time())),
        }
        try:
            response = await client.post(self._settings.url or "", content=body, headers=headers)
        except httpx.TransportError:
            return False
        return response.is_success


def signature(body: str, secret: str, timestamp: int) -> str:
    """The header ``Stripe-Signature`` of a body."""
    digest = hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
