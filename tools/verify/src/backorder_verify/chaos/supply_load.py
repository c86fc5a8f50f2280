"""What a merchandiser's systems do: purchase orders that slip, receipts against them, policies that change, runs."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from backorder_verify.chaos.client import PatientClient
from backorder_verify.chaos.client_record import ClientRecord

_SUPPLIER = "acme"
_REMEMBERED_LINES = 60
_SORTS = ("fifo", "priority", "earliest_due", "value_index")
_LENDING_POLICY = {"sort": "fifo", "lending": {}}
_EQUITABLE_POLICY = {"sort": "fifo", "share": "max_min"}


class SupplyLoad:
    """The operations of purchasing and merchandising, on the SKUs and locations of the whole load."""

    def __init__(
        self,
        client: PatientClient,
        record: ClientRecord,
        pick: random.Random,
        locations: tuple[str, ...],
        some_sku: Callable[[], str],
    ) -> None:
        self._client, self._record, self._pick = client, record, pick
        self._locations, self._some_sku = locations, some_sku
        self._lines: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED_LINES)

    async def open(self, lending_sku: str, equitable_sku: str) -> None:
        """Create the supplier, and policies that lend and that divide stock equitably, each for one SKU."""
        await self._client.send("open", "inventory", "PUT", f"/v1/suppliers/{_SUPPLIER}", body={"name": "Acme"})
        for name, policy, sku in (
            ("lends", _LENDING_POLICY, lending_sku),
            ("shares", _EQUITABLE_POLICY, equitable_sku),
        ):
            await self._create("open", "allocation", "/v1/policies", {"name": name, "policy": policy}, f"policy-{name}")
            await self._client.send("open", "allocation", "POST", f"/v1/policies/{name}/activate", body={})
            path = f"/v1/policy-assignments/skus/{sku}"
            await self._client.send("open", "allocation", "PUT", path, body={"policy": name})

    async def order_more(self, number: int) -> None:
        """Place a purchase order that comes within three weeks."""
        reference = f"purchase-{number}"
        lines = [
            {"sku": sku, "quantity": self._pick.randint(3, 12), "eta": self._some_day()}
            for sku in dict.fromkeys(self._some_sku() for _ in range(self._pick.choice((1, 2))))
        ]
        body = {
            "reference": reference,
            "supplier_id": _SUPPLIER,
            "location_id": self._pick.choice(self._locations),
            "lines": lines,
        }
        answer = await self._create("purchase", "inventory", "/v1/purchase-orders", body, reference)
        self._record.purchase_orders[reference] = answer["purchase_order_id"]
        place = {"purchase_order_id": answer["purchase_order_id"], "location_id": body["location_id"]}
        self._lines.extend({**line, **place} for line in answer["lines"])

    async def slip(self, _number: int) -> None:
        """Move the delivery of a purchase-order line, mostly to a later day."""
        if not self._lines:
            return
        line = self._pick.choice(self._lines)
        path = f"/v1/purchase-orders/{line['purchase_order_id']}/lines/{line['line_id']}"
        _, etag = await self._client.send("read", "inventory", "GET", path)
        body = {"eta": self._some_day()}
        await self._client.send("slip", "inventory", "PATCH", path, body=body, headers={"If-Match": etag})

    async def receive_ordered(self, number: int) -> None:
        """Receive a part of a purchase-order line, or all of it."""
        if not self._lines:
            return
        line = self._pick.choice(self._lines)
        units = self._pick.randint(1, max(1, int(line["quantity"]) // 2))
        body = {
            "reference": f"delivery-{number}",
            "location_id": line["location_id"],
            "lines": [{"sku": line["sku"], "quantity": units, "purchase_order_line_id": line["line_id"]}],
        }
        answer = await self._create("deliver", "inventory", "/v1/receipts", body, f"deliver-{number}")
        self._record.stock_documents[answer["receipt_id"]] = "receipt"

    async def change_policy(self, _number: int) -> None:
        """Let a SKU be served in another order."""
        sku = self._some_sku()
        body = {"sort": self._pick.choice(_SORTS)}
        await self._client.send("policy", "allocation", "PUT", f"/v1/allocation-policies/{sku}", body=body)

    async def run(self, number: int) -> None:
        """Preview a run over one SKU and commit it; its inputs may change in between."""
        demand = {"skus": [self._some_sku()]}
        segments = [
            {"name": "gold", "strategy": "win", "filter": {**demand, "tiers": ["gold"]}},
            {"name": "others", "strategy": "redistribute", "filter": demand},
        ]
        body = {"name": f"run {number}", "segments": segments}
        run = await self._create("run", "allocation", "/v1/runs", body, f"run-{number}")
        await self._client.send("commit", "allocation", "POST", f"/v1/runs/{run['run_id']}/commit", body=None)

    async def _create(self, what: str, service: str, path: str, body: object, key: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": f'"{key}"'}
        document, _ = await self._client.send(what, service, "POST", path, body=body, headers=headers)
        return document

    def _some_day(self) -> str:
        return (datetime.now(UTC) + timedelta(days=self._pick.randint(1, 21))).isoformat()
