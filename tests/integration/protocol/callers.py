"""What callers do over HTTP in a history of the protocol test: shoppers, the warehouse, purchasing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
from tests.scenario import Timeline

from service_kit.testing import FakeClock

SKUS = ("lamp", "Lamp", "desk lamp", "chair")
LOCATIONS = ("north", "south")
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass(kw_only=True)
class Callers(Timeline):
    """Everybody who asks the services for something, each act drawn at random."""

    random: Random
    clients: dict[str, httpx.AsyncClient]
    clock: FakeClock = field(default_factory=lambda: FakeClock(START))
    orders: list[str] = field(default_factory=list)
    shipments: list[tuple[str, str, datetime]] = field(default_factory=list)
    po_lines: list[tuple[str, str, str, int]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    """What SKUs are called that were renamed or merged. Shoppers go on naming them as they did."""
    laws: bool = False
    """Orders are under consumer laws, delays are offered and customers answer."""
    count: int = 0

    async def call(
        self, service: str, method: str, path: str, body: Any = None, *, allow: tuple[int, ...] = (409,)
    ) -> httpx.Response:
        """One request with a key of its own; anything but success and ``allow`` fails the test."""
        self.count += 1
        headers = {"Idempotency-Key": f"call-{self.count}"} if method == "POST" else {}
        response = await self.clients[service].request(method, path, json=body, headers=headers)
        self.log.append(f"{method} {path} {body if body is not None else ''} -> {response.status_code}")
        if response.status_code >= 400 and response.status_code not in allow:
            raise AssertionError(f"{self.log[-1]}: {response.text}")
        return response

    def moment(self) -> str:
        """Business time moves on by minutes to hours with every act that states one."""
        return self.later(minutes=self.random.randint(1, 400)).isoformat()

    def name(self, kind: str) -> str:
        """A reference that was not used before."""
        self.count += 1
        return f"{kind}-{self.count}"

    def called(self, sku: str) -> str:
        """What a SKU is called by now."""
        return self.merged.get(sku, sku)

    def sku(self) -> str:
        """Some SKU, by the name that it has now."""
        return self.called(self.random.choice(SKUS))

    async def merge(self) -> None:
        """Two SKUs turn out to be one article, or one is given another name."""
        sku = self.sku()
        into = self.random.choice([one for one in (*map(self.called, SKUS), self.name("sku")) if one != sku])
        response = await self.clients["inventory"].post(
            f"/v1/skus/{sku}/merge", json={"into": into}, headers={"If-Match": "*"}
        )
        self.log.append(f"merge {sku} into {into} -> {response.status_code}")
        assert response.status_code == 200, response.text
        self.merged = {one: into if self.called(one) == sku else self.called(one) for one in (*SKUS, *self.merged, sku)}
        self.po_lines = [(order, line, self.called(ordered), units) for order, line, ordered, units in self.po_lines]

    async def set_policy(self, sku: str | None = None) -> None:
        """Give a SKU a selling policy: mostly backorder, sometimes with a cap, sometimes from stock only."""
        sku = sku or self.sku()
        mode = self.random.choices(("backorder", "stock_only"), (9, 1))[0]
        cap = self.random.choice((None, None, 6)) if mode == "backorder" else None
        body = {"name": sku, "lead_time_days": 14, "selling_policy": {"mode": mode, "backorder_cap": cap}}
        await self.call("inventory", "PUT", f"/v1/skus/{sku}", body)

    async def place(self) -> None:
        """An order of one to three lines; a SKU may stand in it twice."""
        random = self.random
        lines = [
            {
                "reference": str(number),
                "sku": random.choice(SKUS),
                "quantity": random.randint(1, 5),
                "unit_price": {"amount": 100, "currency": "EUR"},
            }
            for number in range(random.choices((1, 2, 3), (5, 3, 2))[0])
        ]
        body = {
            "reference": self.name("order"),
            "placed_at": self.moment(),
            "ship_complete": random.random() < 0.3,
            "tier": random.choice((None, "gold", "silver")),
            "lines": lines,
        }
        if self.laws:
            body["jurisdiction"] = random.choice((None, "US", "US", "EU"))
            body["latest_acceptable_date"] = random.choice((None, "2026-02-20"))
        response = await self.call("order", "POST", "/v1/orders", body)
        self.orders.append(response.json()["order_id"])

    async def reply(self) -> None:
        """A customer answers an open offer, or one that is over and refuses the answer."""
        found = await self.call("order", "GET", "/v1/offers?due_before=2027-01-01T00:00:00Z")
        offers = found.json()["data"]
        if offers:
            offer = self.random.choice(offers)
            path = f"/v1/orders/{offer['order_id']}/offers/{offer['offer_id']}/answer"
            await self.call("order", "POST", path, {"answer": self.random.choice(("wait", "wait", "cancel"))})

    async def _some_order(self) -> dict[str, Any] | None:
        if not self.orders:
            return None
        order: dict[str, Any] = (
            await self.call("order", "GET", f"/v1/orders/{self.random.choice(self.orders)}")
        ).json()
        return order

    async def amend(self) -> None:
        """Another quantity for a line, more or less; below what was shipped it is refused."""
        order = await self._some_order()
        if order is None:
            return
        line = self.random.choice(order["lines"])
        headers = {"If-Match": f'"{order["version"]}"'}
        response = await self.clients["order"].patch(
            f"/v1/orders/{order['order_id']}/lines/{line['line_id']}",
            json={"quantity": self.random.randint(1, 7)},
            headers=headers,
        )
        self.log.append(f"amend {line['line_id']} -> {response.status_code}")
        assert response.status_code in (200, 409, 412), response.text

    async def change_dates(self) -> None:
        """A change of the order that moves no unit; allocation has to answer it all the same."""
        order = await self._some_order()
        if order is None:
            return
        needed = (self.now + timedelta(days=self.random.randint(1, 60))).date().isoformat()
        # Allocation does not even look at a contact: nothing of what it knows changes.
        change = {"needed_by": needed} if len(self.log) % 2 else {"contact_id": f"contact of {needed}"}
        response = await self.clients["order"].patch(
            f"/v1/orders/{order['order_id']}",
            json={**change, "amended_at": self.now.isoformat()},
            headers={"If-Match": f'"{order["version"]}"'},
        )
        self.log.append(f"change {change} of {order['order_id']} -> {response.status_code}")
        # Needed later than the order accepts is refused.
        assert response.status_code in (200, 409, 412, 422), response.text

    async def add_line(self) -> None:
        """One more line of an order; a closed order takes none."""
        order = await self._some_order()
        if order is None:
            return
        body = {"sku": self.random.choice(SKUS), "quantity": self.random.randint(1, 4), "added_at": self.moment()}
        await self.call("order", "POST", f"/v1/orders/{order['order_id']}/lines", body)

    async def change_terms(self) -> None:
        """Another tier, or the order ships complete from now on, or in parts: allocation judges it anew."""
        order = await self._some_order()
        if order is None:
            return
        terms = {"tier": self.random.choice((None, "gold", "silver")), "ship_complete": self.random.random() < 0.5}
        response = await self.clients["order"].patch(
            f"/v1/orders/{order['order_id']}",
            json={**terms, "amended_at": self.now.isoformat()},
            headers={"If-Match": f'"{order["version"]}"'},
        )
        self.log.append(f"change {terms} of {order['order_id']} -> {response.status_code}")
        assert response.status_code in (200, 409, 412), response.text

    async def cancel(self) -> None:
        """A whole order, or some units of a line."""
        order = await self._some_order()
        if order is None:
            return
        body: dict[str, Any] = {"reason": "changed my mind"}
        if self.random.random() < 0.6:
            line = self.random.choice(order["lines"])
            body["lines"] = [{"line_id": line["line_id"], "quantity": self.random.randint(1, 3)}]
        await self.call("order", "POST", f"/v1/orders/{order['order_id']}/cancel", body, allow=(409, 422))

    async def ship(self) -> None:
        """Part or all of what the order service believes allocated at a location."""
        location = self.random.choice(LOCATIONS)
        rows = (await self.call("order", "GET", f"/v1/fulfillable-lines?location_id={location}&limit=500")).json()
        if not rows["data"]:
            return
        chosen = self.random.choice(rows["data"])
        same = [row for row in rows["data"] if row["order_id"] == chosen["order_id"]]
        lines = [
            {"line_id": row["line_id"], "quantity": self.random.randint(max(1, row["quantity"] - 1), row["quantity"])}
            for row in same
        ]
        shipped_at = self.now - timedelta(hours=self.random.choice((0, 0, 30)))
        body = {
            "location_id": location,
            "shipped_at": shipped_at.isoformat(),
            "reference": self.name("shipment"),
            "lines": lines,
        }
        path = f"/v1/orders/{chosen['order_id']}/shipments"
        response = await self.call("order", "POST", path, body, allow=(409, 422))
        if response.status_code == 201:
            made = response.json()
            self.shipments.append((chosen["order_id"], made["shipment_id"], shipped_at))

    async def ship_elsewhere(self) -> None:
        """A shipment that nobody allocated; it is refused and changes nothing."""
        order = await self._some_order()
        if order is None:
            return
        line = self.random.choice(order["lines"])
        body = {
            "location_id": self.random.choice(LOCATIONS),
            "shipped_at": self.now.isoformat(),
            "reference": self.name("shipment"),
            "lines": [{"line_id": line["line_id"], "quantity": 50}],
        }
        response = await self.call("order", "POST", f"/v1/orders/{order['order_id']}/shipments", body)
        assert response.status_code == 409

    async def void(self) -> None:
        """A shipment turns out to have been reported by mistake; one that was voided or is too old is refused."""
        if self.shipments:
            order_id, shipment_id, shipped_at = self.random.choice(self.shipments)
            body = {"voided_at": max(self.now, shipped_at).isoformat()}
            await self.call("order", "POST", f"/v1/orders/{order_id}/shipments/{shipment_id}/void", body)

    async def order_more(self) -> None:
        """A purchase order of one or two lines."""
        lines = [
            {
                "sku": sku,
                "quantity": self.random.randint(2, 12),
                "eta": (self.now + timedelta(days=self.random.randint(1, 20))).isoformat(),
            }
            for sku in map(self.called, self.random.sample(SKUS, self.random.randint(1, 2)))
        ]
        location = self.random.choice(LOCATIONS)
        body = {"reference": self.name("po"), "supplier_id": "acme", "location_id": location, "lines": lines}
        made = (await self.call("inventory", "POST", "/v1/purchase-orders", body)).json()
        for line in made["lines"]:
            self.po_lines.append(
                (made["purchase_order_id"], line["purchase_order_line_id"], line["sku"], line["quantity"])
            )

    async def slip(self) -> None:
        """The supplier names another date, or gives the rest up."""
        if not self.po_lines:
            return
        order, line, _, _ = self.random.choice(self.po_lines)
        path = f"/v1/purchase-orders/{order}/lines/{line}"
        if self.random.random() < 0.3:
            await self.call("inventory", "POST", f"{path}/close", {"reason": "not coming"})
            return
        known = (await self.call("inventory", "GET", f"/v1/purchase-orders/{order}")).headers["ETag"]
        eta = (self.now + timedelta(days=self.random.randint(1, 30))).isoformat()
        response = await self.clients["inventory"].patch(path, json={"eta": eta}, headers={"If-Match": known})
        assert response.status_code in (200, 409), response.text

    async def cancel_purchase(self) -> None:
        """The supplier delivers nothing more of a purchase order, or one more line of it is ordered."""
        if not self.po_lines:
            return
        order = self.random.choice(self.po_lines)[0]
        if self.random.random() < 0.4:
            await self.call("inventory", "POST", f"/v1/purchase-orders/{order}/cancel")
            return
        eta = (self.now + timedelta(days=self.random.randint(1, 20))).isoformat()
        body = {"sku": self.sku(), "quantity": self.random.randint(2, 9), "eta": eta}
        line = (await self.call("inventory", "POST", f"/v1/purchase-orders/{order}/lines", body)).json()
        self.po_lines.append((order, line["purchase_order_line_id"], line["sku"], line["quantity"]))

    async def link_receipt(self) -> None:
        """Units that came before their purchase order was entered turn out to be of one."""
        unlinked = [
            (receipt["receipt_id"], line["line_no"], line["sku"])
            for receipt in (await self.call("inventory", "GET", "/v1/receipts?limit=100")).json()["data"]
            for line in receipt["lines"]
            if receipt["kind"] == "purchase" and line["purchase_order_line_id"] is None
        ]
        if not unlinked:
            return
        receipt, number, sku = self.random.choice(unlinked)
        same = [po_line for _, po_line, ordered, _ in self.po_lines if ordered == self.called(sku)]
        if same:
            body = {"purchase_order_line_id": self.random.choice(same)}
            await self.call("inventory", "POST", f"/v1/receipts/{receipt}/lines/{number}/link", body)

    async def give_back(self) -> None:
        """Units go back to the supplier; more than are there or than came is refused."""
        line: dict[str, Any] = {"sku": self.sku(), "quantity": self.random.randint(1, 3)}
        if self.po_lines and self.random.random() < 0.7:
            _, po_line, sku, _ = self.random.choice(self.po_lines)
            line |= {"sku": sku, "purchase_order_line_id": po_line}
        body = {
            "location_id": self.random.choice(LOCATIONS),
            "reason": "wrong colour",
            "returned_at": self.moment(),
            "lines": [line],
        }
        await self.call("inventory", "POST", "/v1/supplier-returns", body)

    async def receive(self) -> None:
        """A delivery of a purchase order (more, less or exact), an unannounced one, or a return."""
        location = self.random.choice(LOCATIONS)
        line: dict[str, Any] = {"sku": self.sku(), "quantity": self.random.randint(1, 8)}
        kind = self.random.choice(("purchase", "purchase", "return"))
        if kind == "purchase" and self.po_lines and self.random.random() < 0.7:
            _, po_line, sku, quantity = self.random.choice(self.po_lines)
            line = {
                "sku": sku,
                "quantity": self.random.randint(max(1, quantity // 2), quantity + 1),
                "purchase_order_line_id": po_line,
            }
        body = {
            "reference": self.name("receipt"),
            "location_id": location,
            "received_at": self.moment(),
            "kind": kind,
            "lines": [line],
        }
        await self.call("inventory", "POST", "/v1/receipts", body, allow=(409, 422))

    async def count_stock(self) -> None:
        """Somebody counts: shrinkage mostly, sometimes a find."""
        location, sku = self.random.choice(LOCATIONS), self.sku()
        levels = (await self.call("inventory", "GET", f"/v1/stock-levels?sku={sku}&location_id={location}")).json()[
            "data"
        ]
        on_hand = levels[0]["on_hand"] if levels else 0
        body = {
            "reference": self.name("count"),
            "location_id": location,
            "counted_at": self.moment(),
            "lines": [{"sku": sku, "counted_quantity": max(0, on_hand + self.random.choice((-3, -2, -1, 0, 2)))}],
        }
        await self.call("inventory", "POST", "/v1/counts", body)
