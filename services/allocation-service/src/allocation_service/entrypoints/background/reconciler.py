"""The reconciler proves at intervals that no stock lies idle before those who could have it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from prometheus_client import Counter

from allocation_service.application.allocating.reconcile_stock import find_idle_stock, reconcile_stock
from allocation_service.application.policies.follow_policy_changes import note_policy_windows
from allocation_service.bootstrap import AllocationApplication
from service_kit.commands.each_alone import work_through
from service_kit.commands.execute import execute, read
from service_kit.hosting.background import repeat

_SKUS_A_ROUND = 100

log = structlog.get_logger(__name__)

RECONCILED = Counter("invariant_violations_total", "Invariants found broken and repaired", ["invariant"])


class Reconciler:
    """Repairs, and raises an alarm, where a backorder waits before free stock that no policy keeps from it."""

    def __init__(self, application: AllocationApplication) -> None:
        self._application = application
        self._reached = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``."""
        await repeat("reconciler", self.once, stopping, every=self._application.settings.reconcile_seconds)

    async def once(self) -> int:
        """One round; how many events it made. None that a policy does not explain (stock that was held back and is
        no longer) is the proof."""
        application = self._application
        now = await application.now()
        await note_policy_windows(application.units, now)

        async def reconcile(skus: Sequence[str]) -> int:
            done = await execute(application.units, reconcile_stock, application.options, now, skus)
            if done.missed:
                RECONCILED.labels("idle_stock").inc(len(done.missed))
                log.error("reconciler_had_to_act", sku=min(done.missed), count=len(done.missed), events=done.events)
            return done.events

        made, found = await work_through(
            application.parked_work,
            "reconciler",
            lambda held: read(application.units, find_idle_stock, self._reached, held, _SKUS_A_ROUND),
            reconcile,
        )
        self._reached = found[-1] if len(found) == _SKUS_A_ROUND else ""
        return made
