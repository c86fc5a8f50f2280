"""Queues are served again where another policy decides than before."""

from __future__ import annotations

import asyncio
from datetime import datetime

from allocation_service.application.policies.follow_policy_changes import (
    find_reviews,
    follow_policy_changes,
    note_policy_windows,
)
from allocation_service.bootstrap import AllocationApplication
from service_kit.commands.each_alone import work_through
from service_kit.commands.execute import execute, read
from service_kit.hosting.background import repeat


class PolicyReviewsLoop:
    """Notices policies whose season began or ended, and serves the queues that changed policies left to review."""

    def __init__(self, application: AllocationApplication) -> None:
        self._application = application

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``."""
        await repeat("policies", self.once, stopping, every=self._application.settings.policy_review_seconds)

    async def once(self) -> int:
        """Review all queues that are marked for it; how many those were."""
        done = 0
        while True:
            now = await self._application.now()
            await note_policy_windows(self._application.units, now)
            reviewed = await self._review_some(now)
            if not reviewed:
                return done
            done += reviewed

    async def _review_some(self, now: datetime) -> int:
        application = self._application
        reviewed, _ = await work_through(
            application.parked_work,
            "policy_reviews",
            lambda held: read(application.units, find_reviews, held),
            lambda skus: execute(application.units, follow_policy_changes, application.options, now, skus),
        )
        return reviewed
