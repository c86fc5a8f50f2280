"""Shops in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio
from tests.unit.order.in_memory_application import in_memory_application
from tests.unit.order.in_memory_stores import in_memory_units
from tests.unit.order.scenarios import NOW
from tests.unit.order.shop import InMemoryShop, make_keys, open_client

from order_service.config import OrderSettings
from order_service.entrypoints.service import service_of
from service_kit.testing import FakeClock

OpenShop = Callable[..., Awaitable[InMemoryShop]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_shop(tmp_path: Path) -> AsyncIterator[OpenShop]:
    """Open a shop in memory, with other settings than usual."""
    shops: list[InMemoryShop] = []

    async def make(**settings: Any) -> InMemoryShop:
        keys = make_keys(tmp_path / "keys.json")
        chosen = {
            "database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing",
            "kafka_bootstrap": "unused:9092",
            "keyring_path": tmp_path / "keys.json",
            "tracking_secret": "a secret of this test",
            **settings,
        }
        clock = FakeClock(NOW)
        units = in_memory_units(clock)
        service = service_of(in_memory_application(OrderSettings(**chosen), clock, units))
        shops.append(InMemoryShop(service, open_client(service, keys), clock, keys, units))
        return shops[-1]

    yield make
    for shop in shops:
        await shop.client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def shop(open_shop: OpenShop) -> InMemoryShop:
    """The usual shop, with the SKUs `lamp` and `bulb`."""
    shop = await open_shop()
    await shop.know("lamp", "bulb")
    return shop
