"""The allocation service: what is wired, with its API, its subscription and its background loops."""

from __future__ import annotations

from allocation_service.bootstrap import wire
from allocation_service.config import AllocationSettings
from allocation_service.entrypoints import consumer, http
from allocation_service.entrypoints.background.breached_loans import BreachedLoansLoop
from allocation_service.entrypoints.background.deferred_orders import DeferredOrdersLoop
from allocation_service.entrypoints.background.interrupted_runs import InterruptedRunsLoop
from allocation_service.entrypoints.background.lateness_tables import LatenessTablesLoop
from allocation_service.entrypoints.background.passed_promises import PassedPromisesLoop
from allocation_service.entrypoints.background.policy_reviews import PolicyReviewsLoop
from allocation_service.entrypoints.background.queue_metrics import QueueMetricsLoop
from allocation_service.entrypoints.background.reconciler import Reconciler
from allocation_service.entrypoints.background.retention import RetentionLoop
from allocation_service.entrypoints.background.simulation_runner import SimulationRunner
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock

_DESCRIPTION = """\
Who gets which unit, and by when: availability for product pages and carts, the queue with its promise
dates, the decisions with their reasons, and the policies they follow.

Every decision is stored with its inputs and can be computed again. A promise date counts the queue:
later orders never break earlier promises.
"""


def build(
    settings: AllocationSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Service:
    """The service from its settings (read from the environment by default), on another clock or database in tests."""
    application = wire(settings, clock=clock, database=database)
    return Service(
        name=application.settings.service_name,
        settings=application.settings,
        database=application.database,
        api=Api(
            http.ROUTERS,
            title="Backorder allocation",
            description=_DESCRIPTION,
            tags=http.TAGS,
            problems=http.PROBLEMS,
            application=application,
            large_body_paths=http.LARGE_BODIES,
        ),
        subscription=consumer.subscription(application),
        background=(
            DeferredOrdersLoop(application).run,
            LatenessTablesLoop(application).run,
            PassedPromisesLoop(application).run,
            BreachedLoansLoop(application).run,
            PolicyReviewsLoop(application).run,
            Reconciler(application).run,
            QueueMetricsLoop(application).run,
            SimulationRunner(application.units, application.simulation_wanted).run,
            RetentionLoop(application).run,
            InterruptedRunsLoop(application).run,
        ),
    )
