"""Inventory in memory."""

import pytest
from tests.unit.inventory.scenario import InventoryScenario


@pytest.fixture
async def inventory() -> InventoryScenario:
    """See InventoryScenario."""
    return await InventoryScenario.create()
