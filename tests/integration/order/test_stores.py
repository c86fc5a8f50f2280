"""The stores on PostgreSQL keep what the suite promises, the same as the stores in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from tests.scenario import take_outbox
from tests.unit.order.payment_suite import PaymentSuite
from tests.unit.order.promise_store_suite import PromiseStoreSuite
from tests.unit.order.query_suite import QuerySuite
from tests.unit.order.scenarios import references
from tests.unit.order.store_suite import StoreSuite

from order_service.adapters.sql_new_orders import SqlNewOrderUnitOfWork
from order_service.adapters.sql_skus import KnownSkus
from order_service.adapters.sql_unit_of_work import SqlOrderUnitOfWork
from order_service.application.ports import PlacedOrder
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database
from service_kit.testing import FakeClock
from service_kit.testing.fixtures import ServiceDatabase

pytestmark = pytest.mark.postgres


class SqlStores:
    """`Stores` on PostgreSQL; placing is one statement, as in the service."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        self._database = database
        self._units = SqlUnitOfWorkFactory(database, SqlOrderUnitOfWork, self.clock)
        self._known = KnownSkus()

    @property
    def units(self) -> SqlUnitOfWorkFactory[SqlOrderUnitOfWork]:
        """See Stores."""
        return self._units

    async def place(self, *new_orders: PlacedOrder) -> Mapping[str, str]:
        """See Stores."""
        async with self._placing() as uow:
            return await uow.new_orders.add(new_orders)

    async def unknown(self, *skus: str) -> set[str]:
        """See Stores."""
        async with self._placing() as uow:
            return await uow.skus.unknown(skus)

    async def published(self) -> list[tuple[str, str]]:
        """See Stores."""
        return references(await take_outbox(self._database))

    @asynccontextmanager
    async def _placing(self) -> AsyncIterator[SqlNewOrderUnitOfWork]:
        statements = self._database.autocommit()
        try:
            async with statements.statement() as direct:
                yield SqlNewOrderUnitOfWork(direct, self.clock.now(), self._known)
        finally:
            await statements.give_back()


class TestSqlStores(StoreSuite, QuerySuite, PaymentSuite, PromiseStoreSuite):
    """All suites on PostgreSQL."""

    @pytest_asyncio.fixture(loop_scope="session")
    async def stores(self, service_database: ServiceDatabase) -> SqlStores:
        return SqlStores(await service_database("order_service"))
