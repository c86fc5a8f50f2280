"""The world of the protocol test: three real services on real Postgres, Kafka replaced by its freedoms.

A history is a seeded sequence of acts: a caller's command over HTTP, a relay round, a worker's turn
(which may die), two workers at once, a group set back to offset 0. At its end everything is delivered
and the world must be at rest as protocol.md says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Protocol

import httpx
import pytest_asyncio

import inventory_service.entrypoints.service
import order_service.entrypoints.service
from allocation_service.adapters.event_handler import AllocationHandler, run_rechecks
from allocation_service.application.handler import HANDLED, Options
from event_contracts import Topic
from inventory_service.config import InventorySettings
from order_service.config import OrderSettings
from service_kit.auth import SCOPES, Keyring
from service_kit.database import Database, is_transient
from service_kit.http import create_app
from service_kit.subscription import Subscription
from service_kit.testing.fixtures import ServiceDatabase
from service_kit.testing.interleaving import Fate, Link, SimulatedTopics

SKUS = ("lamp", "Lamp", "desk lamp", "chair")
LOCATIONS = ("north", "south")
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass
class Sizes:
    """How long and how rough a history is."""

    acts: int = 90
    purged_inbox: bool = False
    """Redeliveries meet an empty inbox, as after a purge: state and its counters alone must do."""


@dataclass
class World:
    """Three services and everything that may happen to them."""

    random: Random
    databases: dict[str, Database]
    subscriptions: dict[str, Subscription]
    clients: dict[str, httpx.AsyncClient]
    sizes: Sizes
    topics: SimulatedTopics = field(init=False)
    links: dict[str, Link] = field(init=False)
    now: datetime = START
    orders: list[str] = field(default_factory=list)
    po_lines: list[tuple[str, str, str, int]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.topics = SimulatedTopics(self.random)
        self.links = {name: Link(name, database, self.subscriptions[name]) for name, database in self.databases.items()}

    # Callers ------------------------------------------------------------------------------------

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
        self.now += timedelta(minutes=self.random.randint(1, 400))
        return self.now.isoformat()

    def name(self, kind: str) -> str:
        """A reference that was not used before."""
        self.count += 1
        return f"{kind}-{self.count}"

    async def open_shop(self) -> None:
        """Locations, a supplier, SKUs of every selling mode."""
        for priority, location in enumerate(LOCATIONS):
            await self.call("inventory", "PUT", f"/v1/locations/{location}", {"name": location, "priority": priority})
        await self.call("inventory", "PUT", "/v1/suppliers/acme", {"name": "Acme"})
        for sku in SKUS:
            await self.set_policy(sku)
        # An order for a SKU that the order service does not know is refused; allocation learns of it whenever.
        await self.topics.relay(self.databases["inventory"])
        await self._turn(self.links["order"], most=100)

    async def set_policy(self, sku: str | None = None) -> None:
        """Give a SKU a selling policy: mostly backorder, sometimes with a cap, sometimes from stock only."""
        sku = sku or self.random.choice(SKUS)
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
        response = await self.call("order", "POST", "/v1/orders", body)
        self.orders.append(response.json()["order_id"])

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
        response = await self.clients["order"].patch(
            f"/v1/orders/{order['order_id']}",
            json={"needed_by": needed, "amended_at": self.now.isoformat()},
            headers={"If-Match": f'"{order["version"]}"'},
        )
        self.log.append(f"change dates of {order['order_id']} -> {response.status_code}")
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
        body = {
            "location_id": location,
            "shipped_at": (self.now - timedelta(hours=self.random.choice((0, 0, 30)))).isoformat(),
            "reference": self.name("shipment"),
            "lines": lines,
        }
        await self.call("order", "POST", f"/v1/orders/{chosen['order_id']}/shipments", body, allow=(409, 422))

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

    async def order_more(self) -> None:
        """A purchase order of one or two lines."""
        lines = [
            {
                "sku": sku,
                "quantity": self.random.randint(2, 12),
                "eta": (self.now + timedelta(days=self.random.randint(1, 20))).isoformat(),
            }
            for sku in self.random.sample(SKUS, self.random.randint(1, 2))
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

    async def receive(self) -> None:
        """A delivery of a purchase order (more, less or exact), an unannounced one, or a return."""
        location = self.random.choice(LOCATIONS)
        line: dict[str, Any] = {"sku": self.random.choice(SKUS), "quantity": self.random.randint(1, 8)}
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
        location, sku = self.random.choice(LOCATIONS), self.random.choice(SKUS)
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

    # Machines -----------------------------------------------------------------------------------

    async def relay(self) -> None:
        """A relay sends some rows; it may die after the acknowledgement and send them again."""
        name = self.random.choice(list(self.databases))
        dies = self.random.random() < 0.2
        sent = await self.topics.relay(self.databases[name], most=self.random.randint(1, 12), dies_before_delete=dies)
        self.log.append(f"relay {name} {sent} dies={dies}")

    async def work(self) -> None:
        """One worker's turn, or two workers of allocation at once on their own partitions."""
        name = self.random.choices(tuple(self.links), (2, 2, 4))[0]
        link = self.links[name]
        mine = self.topics.partitions(link)
        self.random.shuffle(mine)
        cut = self.random.randint(1, len(mine) - 1)
        shares = [mine[:cut], mine[cut:]] if self.random.random() < 0.5 else [mine]
        fates = [self.random.choices(tuple(Fate), (7, 1, 2))[0] for _ in shares]
        self.log.append(f"turn {name} {[fate.name for fate in fates]}")
        await asyncio.gather(
            *(
                self._turn(link, assigned=share, most=self.random.randint(1, 12), fate=fate)
                for share, fate in zip(shares, fates, strict=True)
            )
        )

    async def rewind(self) -> None:
        """The offsets are lost: a group reads everything again."""
        if self.random.random() < 0.3:
            link = self.random.choice(list(self.links.values()))
            self.log.append(f"rewind {link.group}")
            self.topics.rewind(link)

    async def recheck(self) -> None:
        """Allocation's background task decides the orders that must be decided by themselves."""
        done = await self._retried(lambda: run_rechecks(self.databases["allocation"], Options(), limit=2))
        self.log.append(f"recheck {done}")

    async def _turn(self, link: Link, **options: Any) -> int:
        return await self._retried(lambda: self.topics.turn(link, skip_inbox=self.sizes.purged_inbox, **options))

    @staticmethod
    async def _retried(work: Callable[[], Awaitable[int]]) -> int:
        for _ in range(20):
            try:
                return await work()
            except Exception as error:
                if not is_transient(error):
                    raise
        raise AssertionError("no way out of deadlocks")

    async def run(self) -> None:
        """Play the history and bring the world to rest."""
        await self.open_shop()
        acts: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.place, 14),
            (self.amend, 6),
            (self.change_dates, 2),
            (self.cancel, 5),
            (self.ship, 9),
            (self.ship_elsewhere, 1),
            (self.order_more, 4),
            (self.slip, 3),
            (self.receive, 9),
            (self.count_stock, 5),
            (self.set_policy, 1),
            (self.relay, 24),
            (self.work, 30),
            (self.recheck, 4),
            (self.rewind, 2),
        ]
        for _ in range(self.sizes.acts):
            act = self.random.choices([a for a, _ in acts], [w for _, w in acts])[0]
            await act()
        await self.settle()

    async def settle(self) -> None:
        """Relay and deliver, without deaths, until nothing moves."""
        for _ in range(400):
            moved = 0
            for database in self.databases.values():
                moved += await self.topics.relay(database)
            moved += await self._retried(lambda: run_rechecks(self.databases["allocation"], Options()))
            for link in self.links.values():
                moved += await self._turn(link, most=50)
            if moved == 0:
                return
        raise AssertionError("the services never come to rest: they answer each other for ever")


class NewWorld(Protocol):
    """Makes a world on empty databases; the same seed plays the same history."""

    async def __call__(self, seed: int, *, purged_inbox: bool = False) -> World: ...


_SETTINGS: dict[str, Any] = {"kafka_bootstrap": "127.0.0.1:1", "rate_limit": "", "port": 1}


@pytest_asyncio.fixture(loop_scope="session")
async def new_world(service_database: ServiceDatabase, tmp_path: Path) -> AsyncIterator[NewWorld]:
    """Build worlds; what they opened is closed at the end of the test."""
    keyring = Keyring(tmp_path / "keyring.json")
    key, _ = keyring.create_key("protocol test", sorted(SCOPES))
    opened: list[httpx.AsyncClient] = []

    async def make(seed: int, *, purged_inbox: bool = False) -> World:
        databases = {name: await service_database(f"{name}_service") for name in ("order", "inventory", "allocation")}
        allocation = Subscription((Topic.ORDERS, Topic.INVENTORY), HANDLED, AllocationHandler(Options()))
        subscriptions, clients = {"allocation": allocation}, {}
        for name, module, settings in (
            ("order", order_service.entrypoints.service, OrderSettings),
            ("inventory", inventory_service.entrypoints.service, InventorySettings),
        ):
            given = settings(database_url=databases[name].url, keyring_path=tmp_path / "keyring.json", **_SETTINGS)
            service = module.build(given, database=databases[name])
            assert service.subscription is not None
            subscriptions[name] = service.subscription
            clients[name] = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=create_app(service)),
                base_url="http://test",
                headers={"Authorization": f"Bearer {key}"},
            )
        opened.extend(clients.values())
        return World(Random(seed), databases, subscriptions, clients, Sizes(purged_inbox=purged_inbox))

    yield make
    for client in opened:
        await client.aclose()
