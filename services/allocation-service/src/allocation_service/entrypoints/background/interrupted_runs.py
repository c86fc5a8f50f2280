"""Runs whose planning was interrupted are taken up again, and old ones forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from allocation_service.bootstrap import AllocationApplication
from service_kit.hosting.background import repeat

_SECONDS = 10.0


class InterruptedRunsLoop:
    """One process's share; safe beside other workers."""

    def __init__(self, application: AllocationApplication) -> None:
        self._planner = application.run_planner
        self._keep = timedelta(days=application.settings.run_retention_days)

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``."""
        await repeat("runs", self.once, stopping, every=_SECONDS)

    async def once(self) -> None:
        """One round."""
        while await self._planner.plan_stale():
            pass
        await self._planner.forget_old(self._keep)
