"""Inventory's stores on PostgreSQL do what every implementation does."""

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import text
from tests.unit.inventory.catalogue_store_suite import CatalogueSuite
from tests.unit.inventory.order_store_suite import CustomerOrderSuite, PurchaseOrderSuite
from tests.unit.inventory.stock_store_suite import StockDocumentSuite, StockLevelSuite

from inventory_service.adapters.sql_unit_of_work import SqlInventoryUnitOfWork
from inventory_service.domain.customer_orders import DemandLine
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def units(service_database, clock) -> SqlUnitOfWorkFactory[SqlInventoryUnitOfWork]:
    return SqlUnitOfWorkFactory(await service_database("inventory_service"), SqlInventoryUnitOfWork, clock)


class TestCatalogueOnPostgres(CatalogueSuite):
    pass


class TestStockLevelsOnPostgres(StockLevelSuite):
    pass


class TestStockDocumentsOnPostgres(StockDocumentSuite):
    pass


class TestPurchaseOrdersOnPostgres(PurchaseOrderSuite):
    pass


class TestCustomerOrdersOnPostgres(CustomerOrderSuite):
    async def stored_demand(self, units: Any) -> Iterable[DemandLine]:
        columns = "order_id, line_id, sku, day, quantity, cancelled, order_sequence"
        async with units.reading() as uow:
            rows = (await uow.connection.execute(text(f"SELECT {columns} FROM demand_line"))).all()
        return [DemandLine(*row) for row in rows]
