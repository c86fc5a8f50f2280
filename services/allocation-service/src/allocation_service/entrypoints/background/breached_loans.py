"""Loans that were not repaid in time are found and counted."""

from __future__ import annotations

import asyncio

import structlog

from allocation_service.adapters.lending import loan_metrics
from allocation_service.application.lending.find_breached_loans import find_breached_loans
from allocation_service.bootstrap import AllocationApplication
from service_kit.commands.execute import execute
from service_kit.hosting.background import repeat

log = structlog.get_logger(__name__)


class BreachedLoansLoop:
    """Marks breached loans and keeps the gauges of lending up to date."""

    def __init__(self, application: AllocationApplication) -> None:
        self._application = application

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``."""
        await repeat("loans", self.once, stopping, every=self._application.settings.loan_sweep_seconds)

    async def once(self) -> int:
        """One round over loans whose day is over; how many were found breached."""
        now = await self._application.now()
        review = await execute(self._application.units, find_breached_loans, now.date())
        loan_metrics.measure(review.tally)
        if review.breached:
            loan_metrics.count({"breached": review.breached})
            log.warning("loans_breached", count=review.breached)
        return review.breached
