"""Inventory in memory, and an order of ten lamps."""

import pytest
from tests.scenario import OrderRecord
from tests.unit.inventory.scenario import InventoryScenario


@pytest.fixture
async def inventory() -> InventoryScenario:
    """See InventoryScenario."""
    return await InventoryScenario.create()


@pytest.fixture
def order(inventory: InventoryScenario) -> OrderRecord:
    """An order of ten lamps, as the order service keeps it."""
    order, _ = inventory.neighbours.order("order-1", ("lamp", 10))
    return order
