"""The stores in memory keep what the stores on PostgreSQL promise."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.unit.order.in_memory_stores import InMemoryOrderUnits, in_memory_units
from tests.unit.order.payment_suite import PaymentSuite
from tests.unit.order.promise_store_suite import PromiseStoreSuite
from tests.unit.order.query_suite import QuerySuite
from tests.unit.order.scenarios import references
from tests.unit.order.store_suite import StoreSuite

from order_service.application.ports import PlacedOrder
from service_kit.testing import FakeClock


class InMemoryStores:
    """`Stores` in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._units = in_memory_units(self.clock)

    @property
    def units(self) -> InMemoryOrderUnits:
        """See Stores."""
        return self._units

    async def place(self, *new_orders: PlacedOrder) -> Mapping[str, str]:
        """See Stores."""
        async with self._units.begin() as uow:
            holders = await uow.new_orders.add(new_orders)
            await uow.commit()
        return holders

    async def unknown(self, *skus: str) -> set[str]:
        """See Stores."""
        async with self._units.reading() as uow:
            return await uow.skus.unknown(skus)

    async def published(self) -> list[tuple[str, str]]:
        """See Stores."""
        return references(self._units.outbox)


class TestInMemoryStores(StoreSuite, QuerySuite, PaymentSuite, PromiseStoreSuite):
    """All suites on stores in memory."""

    @pytest.fixture
    def stores(self) -> InMemoryStores:
        return InMemoryStores()
