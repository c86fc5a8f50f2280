"""The table of lateness is kept up to date."""

from __future__ import annotations

import asyncio

from prometheus_client import Gauge

from allocation_service.application.promising.fold_outcomes import fold_outcomes
from allocation_service.bootstrap import AllocationApplication
from service_kit.commands.execute import execute
from service_kit.hosting.background import repeat

VERSION = Gauge("allocation_lateness_table_version", "Version of the table of lateness that dates are named by")


class LatenessTablesLoop:
    """Folds what became of deliveries and first dates into the next version."""

    def __init__(self, application: AllocationApplication) -> None:
        self._application = application

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``."""
        await repeat("lateness", self.once, stopping, every=self._application.settings.lateness_seconds)

    async def once(self) -> int:
        """One round; how many versions it made."""
        application = self._application
        version = await execute(application.units, fold_outcomes, await application.now())
        if version is None:
            return 0
        VERSION.set(version)
        return 1
