"""Allocation's stores on PostgreSQL do what every implementation does."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from tests.unit.allocation.allocation_store_suite import SessionSuite
from tests.unit.allocation.lending_store_suite import LendingSuite
from tests.unit.allocation.outbox_store_suite import DeferredOrderSuite, OutboxSuite
from tests.unit.allocation.policy_store_suite import BackgroundWorkSuite, PolicySuite, ReviewSuite
from tests.unit.allocation.queue_store_suite import QueueSuite

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from event_contracts import Event
from event_contracts.envelope import decode
from service_kit.messaging.header_packing import unpack_headers
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory

Units = SqlUnitOfWorkFactory[SqlAllocationUnitOfWork]


@pytest.fixture
async def units(service_database) -> Units:
    found = SqlUnitOfWorkFactory(await service_database("allocation_service"), SqlAllocationUnitOfWork)
    async with found.begin() as uow:
        await uow.lateness.set_default_target(None)
        await uow.commit()
    return found


@pytest.fixture
def outbox(units: Units) -> Callable[[], Awaitable[list[Event]]]:
    async def taken() -> list[Event]:
        async with units.reading() as uow:
            rows = (await uow.connection.execute(text("SELECT headers, value FROM outbox ORDER BY id"))).all()
        return [decode(unpack_headers(row.headers), row.value) for row in rows]

    return taken


class TestSessionsOnPostgres(SessionSuite):
    pass


class TestOutboxOnPostgres(OutboxSuite):
    pass


class TestDeferredOrdersOnPostgres(DeferredOrderSuite):
    pass


class TestQueuesOnPostgres(QueueSuite):
    pass


class TestLendingOnPostgres(LendingSuite):
    pass


class TestPoliciesOnPostgres(PolicySuite):
    pass


class TestReviewsOnPostgres(ReviewSuite):
    pass


class TestBackgroundWorkOnPostgres(BackgroundWorkSuite):
    pass
