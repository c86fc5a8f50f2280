"""The allocation service: what is wired, with its API, its subscription and its sweeper."""

from __future__ import annotations

from datetime import timedelta

from allocation_service.adapters.runs.run_service import RunService
from allocation_service.application.session.handle_events import HANDLED
from allocation_service.bootstrap import wire
from allocation_service.config import AllocationSettings
from allocation_service.entrypoints.background.run_planner import RunPlanner
from allocation_service.entrypoints.background.simulation_runner import SimulationRunner
from allocation_service.entrypoints.background.sweeper import Sweeper
from allocation_service.entrypoints.http import TAGS, routers
from allocation_service.entrypoints.http.runs import Runs
from event_contracts import Topic
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.messaging.subscription import Subscription
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
    wiring = wire(settings, clock=clock, database=database)
    sweeper = Sweeper(wiring.database, wiring.handler, wiring.settings, wiring.clock)
    valid = timedelta(minutes=wiring.settings.run_valid_minutes)
    desk = RunService(wiring.database, wiring.handler.options, sweeper.now, wiring.clock.now, valid)
    runs = Runs(desk, wiring.clock.now, wiring.handler.rechecks_wanted, wiring.settings.tiers)
    planner = RunPlanner(desk, wiring.clock, wiring.settings.run_retention_days)
    runner = SimulationRunner(wiring.database)
    return Service(
        name=wiring.settings.service_name,
        settings=wiring.settings,
        database=wiring.database,
        api=Api(
            routers(wiring.database, sweeper.now, wiring.settings, runner.wanted, runs),
            title="Backorder allocation",
            description=_DESCRIPTION,
            tags=TAGS,
        ),
        subscription=Subscription((Topic.ORDERS, Topic.INVENTORY), frozenset(HANDLED), wiring.handler),
        background=(
            sweeper.run_deferred_orders,
            sweeper.run_promises,
            sweeper.run_loans,
            sweeper.run_policies,
            sweeper.run_reconciler,
            sweeper.run_metrics,
            runner.run,
            sweeper.run_retention,
            planner.run,
        ),
    )
