"""Deciding orders that a batch left to be decided by themselves."""

from __future__ import annotations

import asyncio

from prometheus_client import Counter

from allocation_service.application.allocating.deferred_orders import decide_all_deferred_orders
from allocation_service.bootstrap import AllocationApplication
from service_kit.hosting.background import repeat

DECIDED = Counter("allocation_rechecks_total", "Deferred orders decided, each with all of its SKUs locked")


class DeferredOrdersLoop:
    """Decides deferred orders right after the batch that left them, and those that a crash left behind."""

    def __init__(self, application: AllocationApplication) -> None:
        self._application = application

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``; woken by the decision that left orders."""
        wanted = self._application.effects.deferred_orders
        await repeat(
            "deferred_orders",
            self.once,
            stopping,
            every=self._application.settings.deferred_orders_seconds,
            wanted=wanted,
        )

    async def once(self) -> int:
        """One round; how many orders were decided."""
        application = self._application
        done = await decide_all_deferred_orders(application.units, application.options, application.parked_work)
        DECIDED.inc(done)
        return done
