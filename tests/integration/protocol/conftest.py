"""The world of the protocol test: three real services on real Postgres, Kafka replaced by its freedoms.

A history is a seeded sequence of acts: a caller's command over HTTP, a relay round, a worker's turn
(which may die), two workers at once, a group set back to offset 0. At its end everything is delivered
and the invariants at rest of docs/protocol.md must hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeVar

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from tests.integration.protocol.callers import LOCATIONS, SKUS, START
from tests.integration.protocol.customers import CardBank, Customers
from tests.unit.order.payments.model_bank import Bank

import inventory_service.entrypoints.service
import order_service.bootstrap
import order_service.entrypoints.service
from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.allocating.deferred_orders import decide_all_deferred_orders
from allocation_service.application.session.options import Options
from allocation_service.bootstrap import wire
from allocation_service.config import AllocationSettings
from allocation_service.entrypoints import consumer
from allocation_service.wording.reason_words import published_words
from inventory_service.config import InventorySettings
from order_service.adapters.sql_unit_of_work import SqlOrderUnitOfWork
from order_service.application.payments.change_payments import change_payments
from order_service.application.promises.judge_orders import LawRules, find_orders_to_judge, judge_orders
from order_service.bootstrap import OrderApplication
from order_service.config import OrderSettings
from service_kit.commands.command_batcher import CommandBatcher
from service_kit.commands.execute import read
from service_kit.hosting.service import Service
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.messaging.subscription import Subscription
from service_kit.persistence.database import Database, is_transient
from service_kit.runtime.clock import Clock
from service_kit.runtime.settings import ServiceSettings
from service_kit.testing.fixtures import ServiceDatabase
from service_kit.testing.interleaving import Fate, Link, SimulatedTopics


@dataclass
class Sizes:
    """How long and how rough a history is."""

    acts: int = 90
    purged_inbox: bool = False
    """Redeliveries meet an empty inbox, as after a purge: state and its counters alone must do."""
    merges: bool = False
    """SKUs are renamed and merged."""
    laws: bool = False
    """Orders are under consumer laws: dates are recorded, delays offered and answered, and the law cancels."""
    customers: bool = False
    """Customers pay, are offered delays and answer; the services' clocks go with the history."""


@dataclass(kw_only=True)
class World(Customers):
    """Three services and everything that may happen to them."""

    databases: dict[str, Database]
    subscriptions: dict[str, Subscription[Any]]
    sizes: Sizes
    topics: SimulatedTopics = field(init=False)
    links: dict[str, Link] = field(init=False)

    @property
    def units(self) -> SqlUnitOfWorkFactory[SqlAllocationUnitOfWork]:
        """Allocation's units of work."""
        return SqlUnitOfWorkFactory(self.databases["allocation"], SqlAllocationUnitOfWork)

    def __post_init__(self) -> None:
        self.topics = SimulatedTopics(self.random)
        self.links = {name: Link(name, database, self.subscriptions[name]) for name, database in self.databases.items()}

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

    async def catch_up(self) -> None:
        """For a moment all is quick: what was said is delivered, and what answers it is said and delivered, too."""
        self.log.append("catch up")
        for _ in range(2):
            for database in self.databases.values():
                await self.topics.relay(database)
            for link in self.links.values():
                await self._turn(link, most=50)

    async def rewind(self) -> None:
        """The offsets are lost: a group reads everything again."""
        if self.random.random() < 0.3:
            link = self.random.choice(list(self.links.values()))
            self.log.append(f"rewind {link.group}")
            self.topics.rewind(link)

    async def recheck(self) -> None:
        """Allocation's background task decides the orders that must be decided by themselves."""
        done = await self._retried(lambda: decide_all_deferred_orders(self.units, Options(published_words), limit=2))
        self.log.append(f"recheck {done}")

    async def judge(self, now: datetime | None = None) -> None:
        """The order service's loop asks the law about what is due; it may die before it commits."""
        units = SqlUnitOfWorkFactory(self.databases["order"], SqlOrderUnitOfWork, self.clock)
        moment = now or self.clock.now()
        due = await read(units, find_orders_to_judge, moment, ())
        dies = now is None and self.random.random() < 0.2
        self.log.append(f"judge {len(due)} dies={dies}")
        if not due:
            return
        async with units.begin() as uow:
            await judge_orders(uow, due, moment, LawRules())
            if not dies:
                await uow.commit()

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
        if self.sizes.customers:
            await self.open_to_customers()
        acts: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.place, 14),
            (self.amend, 6),
            (self.change_dates, 2),
            (self.change_terms, 3),
            (self.add_line, 3),
            (self.cancel, 5),
            (self.ship, 16),
            (self.ship_elsewhere, 1),
            (self.void, 9),
            (self.order_more, 4),
            (self.slip, 3),
            (self.receive, 12),
            (self.cancel_purchase, 2),
            (self.link_receipt, 3),
            (self.give_back, 4),
            (self.count_stock, 5),
            (self.set_policy, 1),
            (self.relay, 20),
            (self.work, 24),
            (self.catch_up, 6),
            (self.recheck, 4),
            (self.rewind, 2),
            *([(self.merge, 3)] if self.sizes.merges else []),
            *([(self.judge, 12), (self.reply, 8)] if self.sizes.laws else []),
            *(self.customer_acts() if self.sizes.customers else []),
        ]
        for _ in range(self.sizes.acts):
            act = self.random.choices([a for a, _ in acts], [w for _, w in acts])[0]
            await act()
        await (self.come_to_rest() if self.sizes.customers else self.settle())

    async def settle(self) -> None:
        """Relay and deliver, without deaths, until nothing moves."""
        for _ in range(400):
            moved = 0
            for database in self.databases.values():
                moved += await self.topics.relay(database)
            moved += await self._retried(lambda: decide_all_deferred_orders(self.units, Options(published_words)))
            for link in self.links.values():
                moved += await self._turn(link, most=50)
            if moved == 0:
                return
        raise AssertionError("the services never come to rest: they answer each other for ever")


class NewWorld(Protocol):
    """Makes a world on empty databases; the same seed plays the same history. ``clocks`` are those of the services."""

    async def __call__(
        self,
        seed: int,
        *,
        purged_inbox: bool = False,
        merges: bool = False,
        laws: bool = False,
        customers: bool = False,
        clocks: Mapping[str, Clock] | None = None,
    ) -> World: ...


S = TypeVar("S", bound=ServiceSettings)


@dataclass
class Entrances:
    """The applications that histories call, made once: building routes and settings takes as long as playing acts.

    They hold nothing of a service. Each world wires its services anew and puts them behind these.
    """

    keyring_path: Path
    apps: dict[str, FastAPI] = field(default_factory=dict)
    settings: dict[type[ServiceSettings], ServiceSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key, _ = Keyring(self.keyring_path).create_key("protocol test", sorted(SCOPES))

    def settings_of(self, kind: type[S], database: Database) -> S:
        """A service's settings; its database has one address in all of the session."""
        if kind not in self.settings:
            self.settings[kind] = kind(
                database_url=database.url,
                keyring_path=self.keyring_path,
                kafka_bootstrap="127.0.0.1:1",
                rate_limit="",
                port=1,
            )
        given = self.settings[kind]
        assert isinstance(given, kind) and given.database_url == database.url
        return given

    def client(self, service: Service) -> httpx.AsyncClient:
        """A client of ``service``, whose application takes the place of the last world's."""
        if service.name not in self.apps:
            self.apps[service.name] = create_app(service)
        app = self.apps[service.name]
        app.state.application = service.api.application
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://test",
            headers={"Authorization": f"Bearer {self.key}"},
        )


@pytest.fixture(scope="session")
def entrances(tmp_path_factory: pytest.TempPathFactory) -> Entrances:
    """The applications of the session."""
    return Entrances(tmp_path_factory.mktemp("protocol") / "keyring.json")


def with_bank(application: OrderApplication) -> tuple[OrderApplication, CardBank]:
    """The order service with a bank of the history's own among its payment providers."""
    bank = CardBank(Bank(START), application.clock)
    providers = {**application.providers, "bank": bank}
    units = SqlUnitOfWorkFactory(application.database, SqlOrderUnitOfWork, application.clock)
    changes = CommandBatcher.on(units, partial(change_payments, providers=providers))
    return replace(application, providers=providers, payment_changes=changes), bank


@pytest_asyncio.fixture(loop_scope="session")
async def new_world(service_database: ServiceDatabase, entrances: Entrances) -> AsyncIterator[NewWorld]:
    """Build worlds, one at a time: each takes the place of the last one. What they opened is closed at the end."""
    opened: list[httpx.AsyncClient] = []

    async def make(
        seed: int,
        *,
        purged_inbox: bool = False,
        merges: bool = False,
        laws: bool = False,
        customers: bool = False,
        clocks: Mapping[str, Clock] | None = None,
    ) -> World:
        shown = clocks or {}
        databases = {name: await service_database(f"{name}_service") for name in ("order", "inventory", "allocation")}
        deciding = entrances.settings_of(AllocationSettings, databases["allocation"])
        allocation = consumer.subscription(
            wire(deciding, clock=shown.get("allocation"), database=databases["allocation"])
        )
        subscriptions, clients = {"allocation": allocation}, {}
        orders, bank = with_bank(
            order_service.bootstrap.wire(
                entrances.settings_of(OrderSettings, databases["order"]),
                clock=shown.get("order"),
                database=databases["order"],
            )
        )
        for service in (
            order_service.entrypoints.service.service_of(orders),
            inventory_service.entrypoints.service.build(
                entrances.settings_of(InventorySettings, databases["inventory"]),
                clock=shown.get("inventory"),
                database=databases["inventory"],
            ),
        ):
            assert service.subscription is not None
            subscriptions[service.name] = service.subscription
            clients[service.name] = entrances.client(service)
        opened.extend(clients.values())
        return World(
            random=Random(seed),
            databases=databases,
            subscriptions=subscriptions,
            clients=clients,
            # A history of customers has had its first acts when it is opened to them.
            sizes=Sizes(70 if customers else 90, purged_inbox, merges, laws, customers),
            order_service=orders,
            bank=bank,
        )

    yield make
    for client in opened:
        await client.aclose()
