"""The life of one order: backordered with a date, stock arrives, it is allocated, the customer gets a mail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from backorder_local.data_directory import DataDirectory
from backorder_local.mail_catcher import caught_mails
from backorder_workload.replay.api import Api

SKU = "LAMP-4"
LOCATION = "LONDON"


class StoryFailed(RuntimeError):
    """A step did not have the expected result; the message says which."""


@dataclass(frozen=True, slots=True)
class StoryResult:
    """What the story created, for suggestions of what to try next."""

    order_id: str


class Story:
    """Plays the story through the HTTP API and reports each step. `run` is the prefix of all its references."""

    def __init__(self, api: Api, report: Callable[[str], None], *, run: str) -> None:
        self._api, self._report, self._run = api, report, run
        self._address = f"grace-{run}@customers.test"

    async def play(self, mails: DataDirectory, *, mail_within: float) -> StoryResult:
        """Play the story. Raises StoryFailed or CallFailed; a mail that takes too long is only reported."""
        await self._open_shop()
        eta = (datetime.now(UTC) + timedelta(days=6)).replace(hour=17, minute=0, second=0, microsecond=0)
        purchase = await self._order_from_supplier(eta)
        order = await self._order_from_shop()
        line = order["lines"][0]
        self._report(
            f"the shop takes an order for 3 {SKU}: {line['state']}, {line['quantity_backordered']} wait, "
            f"promised for {line['promise_date']}"
        )
        _expect(line["quantity_backordered"] == 3 and line["promise_date"], f"the order waits with a date: {line}")
        await self._receive(purchase)
        line = await self._until_allocated(order["order_id"])
        self._report(f"the order is {line['state']}: {line['quantity_allocated']} can ship from {LOCATION}")
        await self._show_mail(mails, mail_within)
        return StoryResult(order["order_id"])

    async def _open_shop(self) -> None:
        inventory = self._api.addresses.inventory
        await self._api.put(f"{inventory}/v1/locations/{LOCATION}", {"name": "London warehouse", "priority": 10})
        await self._api.put(f"{inventory}/v1/suppliers/acme", {"name": "Acme Trading"})
        await self._api.put(
            f"{inventory}/v1/skus/{SKU}",
            {"name": "Desk lamp", "lead_time_days": 14, "selling_policy": {"mode": "backorder", "backorder_cap": 500}},
        )
        contact = {"email": self._address, "locale": "en", "time_zone": "Europe/London"}
        await self._api.put(f"{self._api.addresses.notification}/v1/contacts/grace-{self._run}", contact)
        await self._until_for_sale()

    async def _until_for_sale(self) -> None:
        """Wait until order and allocation know the new SKU."""
        url = f"{self._api.addresses.allocation}/v1/availability?sku={SKU}"
        for _ in _tries():
            answer, _ = await self._api.read(url)
            if any(row["sku"] == SKU and row["promise_date"] for row in answer["data"]):
                return
            await asyncio.sleep(0.1)
        raise StoryFailed(f"{SKU} did not become available for backorder")

    async def _order_from_supplier(self, eta: datetime) -> dict[str, Any]:
        purchase = await self._api.create(
            f"{self._api.addresses.inventory}/v1/purchase-orders",
            {
                "reference": f"{self._run}-PO",
                "supplier_id": "acme",
                "location_id": LOCATION,
                "lines": [{"sku": SKU, "quantity": 10, "eta": eta.isoformat()}],
            },
            key=f"{self._run}-po",
        )
        self._report(f"10 {SKU} are ordered from a supplier and expected on {eta.date()}; none is on hand")
        return purchase

    async def _order_from_shop(self) -> dict[str, Any]:
        return await self._api.create(
            f"{self._api.addresses.order}/v1/orders",
            {
                "reference": f"{self._run}-WEB",
                "customer_id": f"grace-{self._run}",
                "contact_id": f"grace-{self._run}",
                "tier": "gold",
                "lines": [{"sku": SKU, "quantity": 3, "unit_price": {"amount": 4999, "currency": "GBP"}}],
            },
            key=f"{self._run}-web",
            prefer="wait=5",
        )

    async def _receive(self, purchase: dict[str, Any]) -> None:
        line_id = purchase["lines"][0]["line_id"]
        await self._api.create(
            f"{self._api.addresses.inventory}/v1/receipts",
            {
                "reference": f"{self._run}-GRN",
                "location_id": LOCATION,
                "kind": "purchase",
                "lines": [{"sku": SKU, "quantity": 10, "purchase_order_line_id": line_id}],
            },
            key=f"{self._run}-grn",
        )
        self._report(f"the 10 {SKU} arrive")

    async def _until_allocated(self, order_id: str) -> dict[str, Any]:
        url = f"{self._api.addresses.order}/v1/orders/{order_id}"
        for _ in _tries():
            order, _ = await self._api.read(url)
            line: dict[str, Any] = order["lines"][0]
            if line["quantity_allocated"] == 3:
                return line
            await asyncio.sleep(0.05)
        raise StoryFailed(f"the receipt did not reach the order: {line}")

    async def _show_mail(self, directory: DataDirectory, within: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while loop.time() < deadline:
            for _, mail in caught_mails(directory.mails):
                if self._address in str(mail["X-Envelope-To"] or mail["To"]):
                    self._report(f"the customer gets a mail: “{mail['Subject']}”")
                    return
            await asyncio.sleep(0.25)
        self._report("the mail to the customer is still being held; `backorder mails` will show it")


def _tries() -> range:
    return range(100)


def _expect(right: object, what: str) -> None:
    if not right:
        raise StoryFailed(f"expected: {what}")
