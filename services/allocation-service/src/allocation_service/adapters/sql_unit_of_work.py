"""Allocation's unit of work on PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.lateness.sql_lateness_store import SqlLatenessStore
from allocation_service.adapters.lending.sql_loan_views import SqlLoanViews
from allocation_service.adapters.maintenance.sql_background_work import SqlBackgroundWork
from allocation_service.adapters.maintenance.sql_decision_retention import SqlDecisionRetention
from allocation_service.adapters.maintenance.sql_input_retention import SqlInputRetention
from allocation_service.adapters.policies.sql_policy_assignment_store import SqlPolicyAssignmentStore
from allocation_service.adapters.policies.sql_policy_store import SqlPolicyStore
from allocation_service.adapters.promising.location_calendars import SqlCalendarStore
from allocation_service.adapters.runs.sql_pin_store import SqlPinStore
from allocation_service.adapters.runs.sql_run_source import SqlRunSource
from allocation_service.adapters.runs.sql_run_store import SqlRunStore
from allocation_service.adapters.sql_simulation_store import SqlSimulationStore
from allocation_service.adapters.store.sql_allocation_store import SqlAllocationStore
from allocation_service.adapters.views.sql_catalogue_lookup import SqlCatalogueLookup
from allocation_service.adapters.views.sql_decision_views import SqlDecisionViews
from allocation_service.adapters.views.sql_queue_views import SqlQueueViews
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork


class SqlAllocationUnitOfWork(SqlUnitOfWork):
    """Implements AllocationUnitOfWork: all stores on one connection's transaction."""

    def __init__(
        self, connection: AsyncConnection, now: datetime, commit: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        super().__init__(connection, now, commit)
        self.store = SqlAllocationStore(connection, now)
        self.policies = SqlPolicyStore(connection)
        self.assignments = SqlPolicyAssignmentStore(connection)
        self.catalogue = SqlCatalogueLookup(connection)
        self.runs = SqlRunStore(connection)
        self.run_source = SqlRunSource(connection)
        self.pins = SqlPinStore(connection)
        self.simulations = SqlSimulationStore(connection)
        self.loans = SqlLoanViews(connection)
        self.decisions = SqlDecisionViews(connection)
        self.queues = SqlQueueViews(connection)
        self.lateness = SqlLatenessStore(connection)
        self.calendars = SqlCalendarStore(connection)
        self.background = SqlBackgroundWork(connection, now)
        self.decision_retention = SqlDecisionRetention(connection)
        self.input_retention = SqlInputRetention(connection)
