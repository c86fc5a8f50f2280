"""A shop for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from tests.unit.payment_simulator.shop import Shop, open_shop


@pytest_asyncio.fixture(loop_scope="session")
async def shop() -> AsyncIterator[Shop]:
    """A shop whose provider is a simulator with nothing in it."""
    async with open_shop() as opened:
        yield opened
