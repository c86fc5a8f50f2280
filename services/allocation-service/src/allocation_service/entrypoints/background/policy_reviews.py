"""Queues are served again where another policy decides than before."""

from __future__ import annotations

import asyncio

from allocation_service.application.policies.follow_policy_changes import follow_policy_changes, note_policy_windows
from allocation_service.bootstrap import AllocationApplication
from service_kit.commands.execute import execute
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
            reviewed = await execute(self._application.units, follow_policy_changes, self._application.options, now)
            if not reviewed:
                return done
            done += reviewed
