"""Calling endpoints side by side, so that one that hangs holds up nobody but itself."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import structlog

from notification_service.application.metrics import WEBHOOKS
from notification_service.application.ports import UnitOfWorkFactory, WebhookSender
from notification_service.application.records import ClaimedWebhook, WebhookAnswer
from notification_service.application.webhooks import WebhookPlan, record_results
from service_kit.runtime.clock import Clock

log = structlog.get_logger(__name__)


class Dispatcher:
    """Gives each endpoint that has something due a task of its own, one at a time."""

    def __init__(self, uow: UnitOfWorkFactory, sender: WebhookSender, clock: Clock, plan: WebhookPlan) -> None:
        self._uow = uow
        self._sender = sender
        self._clock = clock
        self._plan = plan
        self._calling: dict[str, asyncio.Task[None]] = {}

    async def dispatch_due(self) -> int:
        """Start calls for what is due now at endpoints that are not being called; returns how many deliveries."""
        async with self._uow.transaction() as work:
            now = self._clock.now()
            busy = list(self._calling)
            claims = await work.deliveries.claim(now, now + self._plan.lease, self._plan.per_endpoint, busy)
        grouped: dict[str, list[ClaimedWebhook]] = defaultdict(list)
        for claim in claims:
            grouped[claim.endpoint_id].append(claim)
        for endpoint_id, batch in grouped.items():
            task = asyncio.create_task(self._call(batch), name=f"webhook-{endpoint_id}")
            self._calling[endpoint_id] = task
        return len(claims)

    async def drain(self) -> None:
        """Wait for the calls under way; each is bounded by the sender's limit."""
        await asyncio.gather(*list(self._calling.values()), return_exceptions=True)

    async def _call(self, batch: Sequence[ClaimedWebhook]) -> None:
        try:
            answers = await asyncio.gather(
                *(self._sender.send(claim.url, claim.event_id, claim.body, claim.secrets) for claim in batch)
            )
            attempts: list[tuple[ClaimedWebhook, WebhookAnswer]] = list(zip(batch, answers, strict=True))
            await record_results(self._uow, self._clock, attempts, self._plan)
            for answer in answers:
                WEBHOOKS.labels("accepted" if answer.accepted else "failed").inc()
        except Exception as error:
            # Nothing was recorded: the claims come back when their lease runs out.
            log.warning("webhook_results_lost", endpoint_id=batch[0].endpoint_id, error_type=type(error).__name__)
        finally:
            self._calling.pop(batch[0].endpoint_id, None)
