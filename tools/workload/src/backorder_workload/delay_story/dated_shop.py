"""The shop of the story, whose calls say on which day they happen (scope `import`), as a migration of old orders does.

The clock of a local system follows such times (setting `business_clock`): what is due on a day is done once something
happened on it. So weeks pass in seconds, by the same rules and loops, and nothing is written behind their back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from backorder_workload.delay_story.waiting import until
from backorder_workload.replay.api import Api, CallFailed
from backorder_workload.replay.session import stamp

LOCATION = "NEW-YORK"
TEAPOT, KETTLE, MUG = "TEAPOT-1", "KETTLE-2", "MUG-3"
PRICES = {TEAPOT: 4450, KETTLE: 3900, MUG: 900}
SHIPPING = 490
ZONE = "America/New_York"
_LEAD_TIME_DAYS = 14


class DatedShop:
    """Calls of the API, each with the moment at which it happens. `begins` is midnight of the story's first day."""

    def __init__(self, api: Api, begins: datetime, run: str) -> None:
        self.api, self.begins, self._run = api, begins, run
        self._count = 0

    def at(self, day: int, hour: int = 14) -> datetime:
        """An hour, in UTC, of a day of the story; the first is 0."""
        return self.begins + timedelta(days=day, hours=hour)

    def reference(self, name: str) -> str:
        """A reference that no other demo uses."""
        return f"{self._run}-{name}"

    async def open(self, at: datetime) -> None:
        """Location, suppliers and SKUs, and mugs in stock for passers-by."""
        inventory = self.api.addresses.inventory
        place = {"name": "New York warehouse", "priority": 10, "changed_at": stamp(at)}
        await self.api.put(f"{inventory}/v1/locations/{LOCATION}", place)
        for supplier, name in (("northwind", "Northwind Pottery"), ("southmill", "Southmill Metal")):
            await self.api.put(f"{inventory}/v1/suppliers/{supplier}", {"name": name})
        document = {"skus": [_sku(sku) for sku in PRICES], "changed_at": stamp(at)}
        await self.api.put(f"{inventory}/v1/skus", document)
        await self.receive("opening", {MUG: 50}, at)

    async def order_from(self, supplier: str, sku: str, quantity: int, eta: datetime, at: datetime) -> dict[str, Any]:
        """A purchase order of one line; the line, with `purchase_order_id`."""
        reference = self.reference(f"PO-{sku}")
        body = {
            "reference": reference,
            "supplier_id": supplier,
            "location_id": LOCATION,
            "ordered_at": stamp(at),
            "lines": [{"sku": sku, "quantity": quantity, "eta": stamp(eta)}],
        }
        order = await self.api.create(f"{self.api.addresses.inventory}/v1/purchase-orders", body, key=reference)
        return {**order["lines"][0], "purchase_order_id": order["purchase_order_id"]}

    async def announce(self, line: Mapping[str, Any], eta: datetime, at: datetime) -> None:
        """A supplier names another date."""
        order = f"{self.api.addresses.inventory}/v1/purchase-orders/{line['purchase_order_id']}"
        change = {"eta": stamp(eta), "changed_at": stamp(at)}
        await self.api.change(f"{order}/lines/{line['line_id']}", change, etag=f'"{line["version"]}"')

    async def receive(
        self, name: str, units: Mapping[str, int], at: datetime, line: Mapping[str, Any] | None = None
    ) -> None:
        """Units arrive, of a line of a purchase order or as opening stock."""
        reference = self.reference(f"GRN-{name}")
        of_line = {} if line is None else {"purchase_order_line_id": line["line_id"]}
        body = {
            "reference": reference,
            "location_id": LOCATION,
            "received_at": stamp(at),
            "kind": "opening" if line is None else "purchase",
            "lines": [{"sku": sku, "quantity": quantity, **of_line} for sku, quantity in units.items()],
        }
        await self.api.create(f"{self.api.addresses.inventory}/v1/receipts", body, key=reference)

    async def place(self, name: str, units: Mapping[str, int], at: datetime, **terms: Any) -> dict[str, Any]:
        """An order, with allocation's answer."""
        reference = self.reference(name)
        lines = [
            {"sku": sku, "quantity": quantity, "unit_price": {"amount": PRICES[sku]}} for sku, quantity in units.items()
        ]
        body = {"reference": reference, "placed_at": stamp(at), "currency": "USD", "lines": lines, **terms}
        url = f"{self.api.addresses.order}/v1/orders"

        async def placed() -> dict[str, Any] | None:
            try:
                return await self.api.create(url, body, key=reference, prefer="wait=10")
            except CallFailed as refused:
                # A SKU that has just been created is known to the order service a moment later.
                if refused.status != 422 or "SKU" not in str(refused):
                    raise
                return None

        order = await until(placed, f"{reference} is placed")
        return await self.order_when(order["order_id"], lambda one: not one["pending"], f"{reference} is answered")

    async def pass_time(self, at: datetime) -> None:
        """Somebody buys a mug then, so that the system's clock follows."""
        self._count += 1
        await self.place(f"PASSER-BY-{self._count}", {MUG: 1}, at)

    async def order(self, order_id: str) -> dict[str, Any]:
        """An order as it is."""
        order, _ = await self.api.read(f"{self.api.addresses.order}/v1/orders/{order_id}")
        return order

    async def order_when(self, order_id: str, holds: Any, what: str) -> dict[str, Any]:
        """An order once something holds of it."""

        async def found() -> dict[str, Any] | None:
            order = await self.order(order_id)
            return order if holds(order) else None

        return await until(found, what)

    async def payment_when(self, order_id: str, holds: Any, what: str) -> dict[str, Any]:
        """An order's payment once something holds of it."""

        async def found() -> dict[str, Any] | None:
            payment, _ = await self.api.read(f"{self.api.addresses.order}/v1/orders/{order_id}/payment")
            return payment if holds(payment) else None

        return await until(found, what)

    async def promises_when(self, order_id: str, holds: Any, what: str) -> dict[str, Any]:
        """An order's legal record once something holds of it."""

        async def found() -> dict[str, Any] | None:
            record, _ = await self.api.read(f"{self.api.addresses.order}/v1/orders/{order_id}/promises")
            return record if holds(record) else None

        return await until(found, what)

    async def begin_card(self, customer_id: str) -> str:
        """Begin to store a card; the token that an order is placed with."""
        answer = await self.api.create(
            f"{self.api.addresses.order}/v1/payment-setups",
            {"provider": "stripe", "customer_id": customer_id},
            key=self.reference(f"card-{customer_id}"),
        )
        return str(answer["token"])

    async def replace_card(self, payment_id: str, token: str) -> None:
        """Pay with another card from now on."""
        await self.api.put(f"{self.api.addresses.order}/v1/payments/{payment_id}/method", {"token": token})

    async def fulfillable(self, order_id: str, at: datetime) -> int:
        """Units of the order that the warehouse may send."""
        query = {"location_id": LOCATION, "as_of": stamp(at)}
        url = f"{self.api.addresses.order}/v1/fulfillable-lines"
        return sum([line["quantity"] async for line in self.api.pages(url, query) if line["order_id"] == order_id])

    async def ship(self, name: str, order: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], at: datetime) -> None:
        """Send what is allocated of some lines of an order."""
        reference = self.reference(f"PARCEL-{name}")
        body = {
            "reference": reference,
            "location_id": LOCATION,
            "shipped_at": stamp(at),
            "lines": [{"line_id": line["line_id"], "quantity": line["quantity_allocated"]} for line in lines],
        }
        url = f"{self.api.addresses.order}/v1/orders/{order['order_id']}/shipments"
        await self.api.create(url, body, key=reference)

    async def until_for_sale(self) -> None:
        """Wait until allocation knows the SKUs."""
        url = f"{self.api.addresses.allocation}/v1/availability"

        async def known() -> bool | None:
            answers = await asyncio.gather(*(self.api.read(f"{url}?sku={sku}") for sku in PRICES))
            rows = [row for answer, _ in answers for row in answer["data"]]
            return True if len(rows) == len(PRICES) and all(row["state"] != "out_of_stock" for row in rows) else None

        await until(known, f"{', '.join(PRICES)} are for sale")


def _sku(sku: str) -> dict[str, object]:
    names = {TEAPOT: "Teapot", KETTLE: "Kettle", MUG: "Mug"}
    policy = {"mode": "backorder", "backorder_cap": 500}
    return {"sku": sku, "name": names[sku], "lead_time_days": _LEAD_TIME_DAYS, "selling_policy": policy}
