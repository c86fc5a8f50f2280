"""Allocation in memory."""

from collections.abc import AsyncIterator

import pytest
from tests.unit.allocation.scenario import InMemoryAllocation


@pytest.fixture
async def world() -> AsyncIterator[InMemoryAllocation]:
    """An empty allocation. Its invariants must hold when the test ends, and its decisions come out again."""
    world = InMemoryAllocation()
    yield world
    await world.check(at_rest=False)
