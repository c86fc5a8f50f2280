"""Promises are revised once their date has passed."""

from __future__ import annotations

import asyncio

from allocation_service.application.promising.renew_passed_promises import find_passed_promises, renew_passed_promises
from allocation_service.bootstrap import AllocationApplication
from service_kit.commands.each_alone import work_through
from service_kit.commands.execute import execute, read
from service_kit.hosting.background import repeat


class PassedPromisesLoop:
    """Renews promises for days that are over."""

    def __init__(self, application: AllocationApplication) -> None:
        self._application = application

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``."""
        await repeat("promises", self.once, stopping, every=self._application.settings.promise_sweep_seconds)

    async def once(self) -> int:
        """One round; how many events it made."""
        application = self._application
        now = await application.now()
        made, _ = await work_through(
            application.parked_work,
            "passed_promises",
            lambda held: read(application.units, find_passed_promises, now, held),
            lambda skus: execute(application.units, renew_passed_promises, application.options, now, skus),
        )
        return made
