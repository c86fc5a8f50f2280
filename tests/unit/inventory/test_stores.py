"""Inventory's stores in memory do what every implementation does."""

from collections.abc import Iterable
from typing import Any

import pytest
from tests.unit.inventory.catalogue_store_suite import CatalogueSuite
from tests.unit.inventory.in_memory_stores import InMemoryUnits, in_memory_units
from tests.unit.inventory.order_store_suite import CustomerOrderSuite, PurchaseOrderSuite
from tests.unit.inventory.stock_store_suite import StockDocumentSuite, StockLevelSuite

from inventory_service.domain.customer_orders import DemandLine
from service_kit.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def units(clock: FakeClock) -> InMemoryUnits:
    return in_memory_units(clock)


class TestCatalogueInMemory(CatalogueSuite):
    pass


class TestStockLevelsInMemory(StockLevelSuite):
    pass


class TestStockDocumentsInMemory(StockDocumentSuite):
    pass


class TestPurchaseOrdersInMemory(PurchaseOrderSuite):
    pass


class TestCustomerOrdersInMemory(CustomerOrderSuite):
    async def stored_demand(self, units: Any) -> Iterable[DemandLine]:
        return list(units.state.demand.values())
