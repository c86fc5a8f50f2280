"""The gauges of what waits are kept up to date."""

from __future__ import annotations

import asyncio

from prometheus_client import Gauge

from allocation_service.application.maintenance.maintenance_records import Backlog
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.bootstrap import AllocationApplication
from service_kit.commands.execute import read
from service_kit.hosting.background import repeat

OLDEST_AGE = Gauge("backorder_oldest_age_seconds", "How long the unit that waits longest has waited; 0: none waits")
WAITING_UNITS = Gauge("backorder_waiting_units", "Units that wait in the queues")
WAITING_LINES = Gauge("backorder_waiting_lines", "Places in the queues")


class QueueMetricsLoop:
    """Measures the queues."""

    def __init__(self, application: AllocationApplication) -> None:
        self._application = application

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``."""
        await repeat("metrics", self.once, stopping, every=self._application.settings.metrics_seconds)

    async def once(self) -> int:
        """One look at the queues; how many lines wait."""
        now = await self._application.now()
        found = await read(self._application.units, _backlog)
        OLDEST_AGE.set(max(0.0, (now - found.oldest).total_seconds()) if found.oldest else 0)
        WAITING_UNITS.set(found.units)
        WAITING_LINES.set(found.lines)
        return found.lines


async def _backlog(uow: AllocationUnitOfWork) -> Backlog:
    return await uow.background.backlog()
