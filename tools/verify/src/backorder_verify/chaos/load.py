"""Steady load: orders are placed, amended, cancelled and shipped; stock is received, counted and corrected."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from backorder_verify.chaos.bank import ChaosBank
from backorder_verify.chaos.client import PatientClient, Refused
from backorder_verify.chaos.client_record import ClientRecord
from backorder_verify.chaos.customer_load import CustomerLoad
from backorder_verify.chaos.supply_load import SupplyLoad

LOCATIONS = ("EAST", "WEST")
_HOT = tuple(f"HOT-{number}" for number in range(1, 5))
_COLD = tuple(f"COLD-{number:03}" for number in range(1, 61))
_HOT_SHARE = 0.6
_REMEMBERED_ORDERS = 400
_MOST_UNDER_WAY = 32


class Load:
    """The clients of the system. The seed determines every choice, but not the moment at which it is made."""

    def __init__(self, client: PatientClient, record: ClientRecord, seed: int, rate: float, bank: ChaosBank) -> None:
        self._client, self._record, self._rate = client, record, rate
        self._pick = random.Random(f"load:{seed}")
        self._recent: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED_ORDERS)
        self._under_way: set[asyncio.Task[None]] = set()
        self._number = 0
        supply = self._supply = SupplyLoad(client, record, self._pick, LOCATIONS, self._sku)
        customers = self._customers = CustomerLoad(client, record, self._pick, bank)
        self._actions: list[tuple[Callable[[int], Awaitable[None]], str, int]] = [
            (self._place, "place", 42), (self._amend, "amend", 10), (self._cancel, "cancel", 9),
            (self._ship, "ship", 16), (self._receive, "receive", 15), (self._count, "count", 5),
            (self._adjust, "adjust", 3), (supply.order_more, "purchase", 5), (supply.slip, "slip", 5),
            (supply.receive_ordered, "deliver", 6), (supply.change_policy, "policy", 2), (supply.run, "run", 2),
            (customers.look, "look", 3), (customers.replace_method, "method", 4),
            (customers.give_back, "give back", 3), (customers.reply, "reply", 8),
        ]  # fmt: skip

    @property
    def skus(self) -> int:
        """Number of SKUs for sale."""
        return len(_HOT) + len(_COLD)

    async def open(self, webhook_url: str) -> None:
        """Create locations, SKUs, a supplier, policies, a few contacts to notify and a webhook endpoint."""
        for priority, location in enumerate(LOCATIONS, start=1):
            body = {"name": location.title(), "priority": priority}
            await self._client.send("open", "inventory", "PUT", f"/v1/locations/{location}", body=body)
        skus = [_sku_document(sku, index) for index, sku in enumerate((*_HOT, *_COLD))]
        await self._client.send("open", "inventory", "PUT", "/v1/skus", body={"skus": skus})
        for number in range(10):
            body = {"email": f"c{number}@customers.test", "locale": "en-GB", "time_zone": "Europe/London"}
            await self._client.send("open", "notification", "PUT", f"/v1/contacts/contact-{number}", body=body)
        await self._create("open", "notification", "/v1/webhook-endpoints", {"url": webhook_url}, "endpoint")
        await self._supply.open(lending_sku=_HOT[-1], equitable_sku=_HOT[-2])

    async def run(self, stopping: asyncio.Event) -> None:
        """Start operations at the rate until `stopping` is set; fewer while responses are slow."""
        weights = [weight for _, _, weight in self._actions]
        while not stopping.is_set():
            if len(self._under_way) < _MOST_UNDER_WAY:
                action, name, _ = self._pick.choices(self._actions, weights)[0]
                self._number += 1
                task = asyncio.create_task(self._one(action, name, self._number))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(self._pick.expovariate(self._rate))

    async def finish(self, within: float) -> None:
        """Wait for the last responses and record which operations got none."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within)
        for task in list(self._under_way):
            self._record.unanswered.append(task.get_name())
            task.cancel()

    async def _one(self, action: Callable[[int], Awaitable[None]], name: str, number: int) -> None:
        try:
            await action(number)
        except Refused as refused:
            self._record.refused[f"{name}: {refused}"] += 1
        except Exception as error:
            # Whatever else ends an operation was caused by a response in a form that no correct system gives.
            self._record.wrong.append(f"{name} {number}: {error!r}")
        else:
            self._record.done[name] += 1

    async def _create(self, what: str, service: str, path: str, body: object, key: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": f'"{key}"'}
        document, _ = await self._client.send(what, service, "POST", path, body=body, headers=headers)
        return document

    async def _place(self, number: int) -> None:
        reference = f"order-{number}"
        body: dict[str, object] = {
            "reference": reference,
            "customer_id": f"customer-{number % 50}",
            "tier": self._pick.choice(("gold", "silver", "standard")),
            "ship_complete": self._pick.random() < 0.2,
            "lines": [
                {"sku": sku, "quantity": self._pick.randint(1, 5), **self._customers.line_terms()}
                for sku in dict.fromkeys(self._sku() for _ in range(self._pick.choice((1, 1, 2, 3))))
            ],
        }
        if self._pick.random() < 0.2:
            body["contact_id"] = f"contact-{self._pick.randrange(10)}"
        body |= await self._customers.terms()
        answer = await self._create("place", "order", "/v1/orders", body, reference)
        self._record.orders[reference] = answer["order_id"]
        self._customers.placed(answer)
        self._recent.append((answer["order_id"], answer["lines"][0]["line_id"]))

    async def _amend(self, _number: int) -> None:
        if not self._recent:
            return
        order_id, line_id = self._pick.choice(self._recent)
        _, etag = await self._client.send("read", "order", "GET", f"/v1/orders/{order_id}")
        path, body = f"/v1/orders/{order_id}/lines/{line_id}", {"quantity": self._pick.randint(1, 8)}
        # Repeated with the same ETag, it is refused with 412 if it was carried out the first time.
        await self._client.send("amend", "order", "PATCH", path, body=body, headers={"If-Match": etag})

    async def _cancel(self, number: int) -> None:
        if not self._recent:
            return
        order_id, line_id = self._pick.choice(self._recent)
        body: dict[str, object] = {"reason": "changed my mind"}
        if self._pick.random() < 0.5:
            body["lines"] = [{"line_id": line_id, "quantity": 1}]
        await self._create("cancel", "order", f"/v1/orders/{order_id}/cancel", body, f"cancel-{number}")

    async def _ship(self, number: int) -> None:
        location = self._pick.choice(LOCATIONS)
        page, _ = await self._client.send(
            "read", "order", "GET", f"/v1/fulfillable-lines?location_id={location}&limit=60"
        )
        if not page["data"]:
            return
        chosen = self._pick.choice(page["data"])["order_id"]
        lines = [line for line in page["data"] if line["order_id"] == chosen]
        body = {
            "location_id": location,
            "lines": [{"line_id": line["line_id"], "quantity": line["quantity"]} for line in lines],
        }
        answer = await self._create("ship", "order", f"/v1/orders/{chosen}/shipments", body, f"ship-{number}")
        self._record.shipments[answer["shipment_id"]] = sum(line["quantity"] for line in answer["lines"])

    async def _receive(self, number: int) -> None:
        # Less is received than is ordered: with stock for everybody there would be no queue to test.
        skus = dict.fromkeys(self._sku() for _ in range(self._pick.choice((1, 2, 3))))
        body = {
            "reference": f"receipt-{number}",
            "location_id": self._pick.choice(LOCATIONS),
            "lines": [{"sku": sku, "quantity": self._pick.randint(1, 7)} for sku in skus],
        }
        answer = await self._create("receive", "inventory", "/v1/receipts", body, f"receive-{number}")
        self._record.stock_documents[answer["receipt_id"]] = "receipt"

    async def _count(self, number: int) -> None:
        sku, location, on_hand = await self._some_level()
        counted = max(0, on_hand - self._pick.choice((0, 1, 2, 3, 5, -1)))
        body = {"location_id": location, "lines": [{"sku": sku, "counted_quantity": counted}]}
        answer = await self._create("count", "inventory", "/v1/counts", body, f"count-{number}")
        self._record.stock_documents[answer["count_id"]] = "count"

    async def _adjust(self, number: int) -> None:
        sku, location, on_hand = await self._some_level()
        lost = -1 if on_hand > 0 else 1
        body = {"location_id": location, "reason": "damaged or found", "lines": [{"sku": sku, "delta": lost}]}
        answer = await self._create("adjust", "inventory", "/v1/adjustments", body, f"adjust-{number}")
        self._record.stock_documents[answer["adjustment_id"]] = "adjustment"

    async def _some_level(self) -> tuple[str, str, int]:
        sku, location = self._sku(), self._pick.choice(LOCATIONS)
        path = f"/v1/stock-levels?sku={quote(sku)}&location_id={location}"
        page, _ = await self._client.send("read", "inventory", "GET", path)
        return sku, location, int(page["data"][0]["on_hand"]) if page["data"] else 0

    def _sku(self) -> str:
        return self._pick.choice(_HOT if self._pick.random() < _HOT_SHARE else _COLD)


def _sku_document(sku: str, index: int) -> dict[str, object]:
    policy: dict[str, object] = {"mode": "backorder"}
    if sku in _COLD and index % 5 == 0:
        policy = {"mode": "stock_only"}
    elif sku in _COLD and index % 5 == 1:
        policy = {"mode": "backorder", "backorder_cap": 10}
    return {"sku": sku, "name": f"Article {sku}", "lead_time_days": 7, "selling_policy": policy}
