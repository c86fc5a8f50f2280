"""Shops on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio
from tests.integration.order.sql_shop import SqlShop
from tests.unit.order.scenarios import NOW
from tests.unit.order.shop import make_keys, open_client

from order_service.config import OrderSettings
from order_service.entrypoints.service import build
from order_service.invariants import INVARIANTS
from service_kit.testing import FakeClock
from service_kit.testing.fixtures import ServiceDatabase
from service_kit.testing.invariants import assert_invariants

OpenShop = Callable[..., Awaitable[SqlShop]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_shop(service_database: ServiceDatabase, tmp_path: Path) -> AsyncIterator[OpenShop]:
    """Open a shop on an empty database, with other settings than usual.

    The service's invariants must hold when the test ends.
    """
    shops: list[SqlShop] = []

    async def make(**settings: Any) -> SqlShop:
        database = await service_database("order_service")
        keys = make_keys(tmp_path / "keys.json")
        chosen = {
            "database_url": database.url,
            "kafka_bootstrap": "unused:9092",
            "keyring_path": tmp_path / "keys.json",
            "tracking_secret": "a secret of this test",
            **settings,
        }
        clock = FakeClock(NOW)
        service = build(OrderSettings(**chosen), clock=clock, database=database)
        shops.append(SqlShop(service, open_client(service, keys), clock, keys))
        return shops[-1]

    yield make
    for shop in shops:
        await shop.client.aclose()
    for shop in shops[-1:]:
        # Orders may still wait for allocation's answer. A shop that was opened later has emptied the database.
        await assert_invariants(shop.database, INVARIANTS, at_rest=False)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(open_shop: OpenShop) -> SqlShop:
    """The usual shop, with the SKUs `lamp` and `bulb`."""
    shop = await open_shop()
    await shop.know("lamp", "bulb")
    return shop
