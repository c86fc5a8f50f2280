"""Events are signed, sent again until they arrive, repeated, and out of order."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import httpx
from tests.unit.payment_simulator.shop import make_bank

from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.events import WebhookSettings
from service_kit.testing import eventually

URL = "http://shop.example/hook"


class Receiver:
    """A webhook that keeps what it gets, and refuses the first ``refusals``."""

    def __init__(self, refusals: int = 0) -> None:
        self.got: list[httpx.Request] = []
        self.refusals = refusals

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.refusals:
            self.refusals -= 1
            return httpx.Response(503)
        self.got.append(request)
        return httpx.Response(200)

    def names(self) -> list[str]:
        """The amounts of what was told, in the order of arrival."""
        return [json.loads(request.content)["data"]["object"]["id"] for request in self.got]


async def _deliver_all(bank: Bank, receiver: Receiver, count: int) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver)) as client:

        async def arrived() -> bool:
            await bank.events.deliver_due(client)
            return len(receiver.got) >= count

        await eventually(arrived, timeout=30)


async def test_an_event_is_signed_with_the_secret_and_the_moment() -> None:
    bank, receiver = make_bank(webhooks=WebhookSettings(URL, "whsec_x", repeated=0, spread=0)), Receiver()
    bank.events.happened("charge.succeeded", {"id": "ch_1", "object": "charge", "_number": "4242"})
    await _deliver_all(bank, receiver, 1)
    [request] = receiver.got
    parts = dict(part.split("=") for part in request.headers["Stripe-Signature"].split(","))
    signed = f"{parts['t']}.".encode() + request.content
    assert parts["v1"] == hmac.new(b"whsec_x", signed, hashlib.sha256).hexdigest()
    assert abs(int(parts["t"]) - time.time()) < 60
    assert json.loads(request.content)["data"]["object"] == {"id": "ch_1", "object": "charge"}


async def test_an_event_that_was_refused_is_sent_again() -> None:
    bank, receiver = make_bank(webhooks=WebhookSettings(URL, repeated=0, spread=0)), Receiver(refusals=1)
    bank.events.happened("charge.succeeded", {"id": "ch_1", "object": "charge"})
    await _deliver_all(bank, receiver, 1)
    assert receiver.names() == ["ch_1"]


async def test_events_are_repeated_and_out_of_order_and_none_is_missing() -> None:
    bank, receiver = make_bank(webhooks=WebhookSettings(URL, repeated=1, spread=0.2, seed=7)), Receiver()
    sent = [f"ch_{number:02}" for number in range(20)]
    for name in sent:
        bank.events.happened("charge.succeeded", {"id": name, "object": "charge"})
    await _deliver_all(bank, receiver, 40)
    assert sorted(receiver.names()) == sorted(sent * 2)
    first_arrivals = list(dict.fromkeys(receiver.names()))
    assert first_arrivals != sent, "seed 7 is known to change the order"


async def test_without_a_webhook_events_are_only_listed() -> None:
    bank = make_bank()
    bank.events.happened("charge.succeeded", {"id": "ch_1", "object": "charge"})
    assert bank.store.due_deliveries(time.time() + 60) == []
    assert [event["type"] for event in bank.store.newest("event")] == ["charge.succeeded"]
