"""Background: runs whose planning was interrupted are taken up again, and old ones forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from allocation_service.adapters.runs import run_store
from allocation_service.adapters.runs.run_service import RunService
from service_kit.hosting.background import repeat
from service_kit.runtime.clock import Clock

_SECONDS = 10.0


class RunPlanner:
    """One process's share; safe beside other workers."""

    def __init__(self, desk: RunService, clock: Clock, retention_days: int) -> None:
        self._desk, self._clock, self._retention = desk, clock, timedelta(days=retention_days)

    async def run(self, stopping: asyncio.Event) -> None:
        """Look for them until the service stops."""
        await repeat("runs", self.once, stopping, every=_SECONDS)

    async def once(self) -> None:
        """One round."""
        while await self._desk.plan_stale():
            pass
        async with self._desk.database.transaction() as conn:
            await run_store.forget_runs(conn, self._clock.now() - self._retention)
