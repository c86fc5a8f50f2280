"""Allocation's stores in memory do what every implementation does."""

from collections.abc import Awaitable, Callable

import pytest
from tests.unit.allocation.allocation_store_suite import SessionSuite
from tests.unit.allocation.in_memory_stores import InMemoryAllocationUnits, in_memory_units
from tests.unit.allocation.lending_store_suite import LendingSuite
from tests.unit.allocation.outbox_store_suite import DeferredOrderSuite, OutboxSuite
from tests.unit.allocation.policy_store_suite import BackgroundWorkSuite, PolicySuite, ReviewSuite
from tests.unit.allocation.queue_store_suite import QueueSuite

from event_contracts import Event


@pytest.fixture
def units() -> InMemoryAllocationUnits:
    return in_memory_units()


@pytest.fixture
def outbox(units: InMemoryAllocationUnits) -> Callable[[], Awaitable[list[Event]]]:
    async def taken() -> list[Event]:
        return units.outbox

    return taken


class TestSessionsInMemory(SessionSuite):
    pass


class TestOutboxInMemory(OutboxSuite):
    pass


class TestDeferredOrdersInMemory(DeferredOrderSuite):
    pass


class TestQueuesInMemory(QueueSuite):
    pass


class TestLendingInMemory(LendingSuite):
    pass


class TestPoliciesInMemory(PolicySuite):
    pass


class TestReviewsInMemory(ReviewSuite):
    pass


class TestBackgroundWorkInMemory(BackgroundWorkSuite):
    pass
