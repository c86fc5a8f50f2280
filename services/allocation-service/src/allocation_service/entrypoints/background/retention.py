"""Old decisions are summarised, and what policies no longer need is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import Counter

from allocation_service.application.maintenance.forget_old_data import (
    Retention,
    forget_deliveries,
    forget_demand,
    summarise_decisions,
    tidy_decisions,
)
from allocation_service.application.maintenance.maintenance_records import InputRetentionStep, RetentionStep
from allocation_service.bootstrap import AllocationApplication
from service_kit.commands.execute import execute
from service_kit.hosting.background import repeat

SUMMARISED = Counter("allocation_decisions_summarised_total", "Old decisions whose detail has made way for a summary")

_REST_SECONDS = 0.05
"""Between two steps of retention, so that it never takes more than a share of the database."""


class RetentionLoop:
    """Works in small steps with rests between them; each step is a transaction, safe beside other workers."""

    def __init__(self, application: AllocationApplication) -> None:
        settings = application.settings
        self._application = application
        self._keep = Retention(
            settings.decision_detail_days, settings.demand_retention_days, settings.delivery_retention_days
        )
        self._demand_forgotten = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``."""

        async def until_done() -> int:
            total = 0
            steps: Sequence[Callable[[], Awaitable[RetentionStep | InputRetentionStep]]] = (
                self.summarise_once,
                self.tidy_once,
                self.forget_demand_once,
                self.forget_deliveries_once,
            )
            for step in steps:
                while not stopping.is_set():
                    made = await step()
                    total += made.lines
                    if made.done:
                        break
                    await asyncio.sleep(_REST_SECONDS)
            return total

        await repeat("retention", until_done, stopping, every=self._application.settings.retention_seconds)

    async def summarise_once(self) -> RetentionStep:
        """One step of summarising old decisions."""
        step = await execute(self._application.units, summarise_decisions, self._keep)
        SUMMARISED.inc(step.decisions)
        return step

    async def tidy_once(self) -> RetentionStep:
        """One step of removing what was kept for lines that are closed by now."""
        return await execute(self._application.units, tidy_decisions)

    async def forget_demand_once(self) -> InputRetentionStep:
        """One step of forgetting demand that lies too far back to be looked at."""
        step = await execute(self._application.units, forget_demand, self._keep, self._demand_forgotten)
        self._demand_forgotten = step.reached
        return step

    async def forget_deliveries_once(self) -> InputRetentionStep:
        """One step of forgetting deliveries that nothing is judged by any more."""
        return await execute(self._application.units, forget_deliveries, self._keep, await self._application.now())
