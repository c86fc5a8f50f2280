"""The one place where allocation is put together."""

from __future__ import annotations

from allocation_service.adapters.event_handler import AllocationHandler
from allocation_service.application.handler import HANDLED, Options
from allocation_service.config import AllocationSettings
from allocation_service.entrypoints.http import TAGS, routers
from allocation_service.entrypoints.sweeper import Sweeper
from event_contracts import Topic
from service_kit.clock import Clock, SystemClock
from service_kit.database import Database
from service_kit.service import Service
from service_kit.subscription import Subscription

DESCRIPTION = """\
Who gets which unit, and by when: availability for product pages and carts, the queue with its promise
dates, the decisions with their reasons, and the policies they follow.

Every decision is stored with its inputs and can be computed again. A promise date counts the queue:
later orders never break earlier promises.
"""


def build(
    settings: AllocationSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Service:
    """The allocation service, wired; settings come from the environment where none are given."""
    settings = settings or AllocationSettings()
    database = database or Database(settings.database_url, pool_size=settings.pool_size, application_name="allocation")
    handler = AllocationHandler(Options(tiers=settings.tiers, grace_days=settings.grace_days))
    sweeper = Sweeper(database, handler, settings, clock or SystemClock())
    return Service(
        name="allocation",
        settings=settings,
        database=database,
        routers=routers(database, sweeper.now, settings.grace_days),
        subscription=Subscription((Topic.ORDERS, Topic.INVENTORY), frozenset(HANDLED), handler),
        background=(sweeper.run_rechecks, sweeper.run_promises, sweeper.run_reconciler),
        title="Backorder allocation",
        description=DESCRIPTION,
        migrations_module="allocation_service",
        tags=TAGS,
    )
