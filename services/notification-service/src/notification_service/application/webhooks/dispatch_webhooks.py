"""Calling webhook endpoints, each in a task of its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import structlog

from notification_service.application.ports.unit_of_work import NotificationUnits
from notification_service.application.ports.webhooks import ClaimedDelivery, WebhookSender
from notification_service.application.webhooks.claim_due_webhooks import claim_due_webhooks
from notification_service.application.webhooks.delivery_rules import WebhookRules
from notification_service.application.webhooks.record_webhook_calls import WebhookCall, record_webhook_calls
from notification_service.domain.webhook_endpoints import WebhookResponse
from service_kit.commands.execute import execute

log = structlog.get_logger(__name__)


class WebhookDispatcher:
    """Delivers webhooks: claim, call, record.

    Duty: each delivery is made at least once, and an endpoint that does not respond holds up no other endpoint.

    Each endpoint with due deliveries is called by a task of its own, one batch at a time. A claim is committed
    before the call, and the response in a second transaction after it. If the process dies in between, or the
    responses cannot be committed, the claim ends with its lease and the call is made again with the same webhook
    id, by which endpoints recognise the copy.
    """

    def __init__(self, units: NotificationUnits, sender: WebhookSender, rules: WebhookRules) -> None:
        self._units = units
        self._sender = sender
        self._rules = rules
        self._calls: dict[str, asyncio.Task[None]] = {}

    async def dispatch_webhooks(self) -> int:
        """Start calls of what is due at endpoints that are not being called; returns how many deliveries."""
        claims = await execute(self._units, claim_due_webhooks, list(self._calls), self._rules)
        by_endpoint: dict[str, list[ClaimedDelivery]] = defaultdict(list)
        for claim in claims:
            by_endpoint[claim.endpoint_id].append(claim)
        for endpoint_id, batch in by_endpoint.items():
            task = asyncio.create_task(self._call(endpoint_id, batch), name=f"webhook-{endpoint_id}")
            self._calls[endpoint_id] = task
        return len(claims)

    async def drain(self) -> None:
        """Wait for the calls under way; the sender limits how long each takes."""
        await asyncio.gather(*list(self._calls.values()), return_exceptions=True)

    async def _call(self, endpoint_id: str, batch: Sequence[ClaimedDelivery]) -> None:
        try:
            responses = await asyncio.gather(*(self._send(claim) for claim in batch))
            calls = [WebhookCall(claim, response) for claim, response in zip(batch, responses, strict=True)]
            await execute(self._units, record_webhook_calls, endpoint_id, calls, self._rules)
        except Exception as error:
            # The claims end with their lease, and the calls are made again.
            log.warning("webhook_results_lost", endpoint_id=endpoint_id, error_type=type(error).__name__)
        finally:
            self._calls.pop(endpoint_id, None)

    async def _send(self, claim: ClaimedDelivery) -> WebhookResponse:
        """Call the endpoint. A delivery that cannot even be attempted counts as a failed one, and alone."""
        try:
            return await self._sender.send(claim.url, claim.event_id, claim.body, claim.secrets)
        except Exception as error:
            log.error("webhook_not_sent", endpoint_id=claim.endpoint_id, error_type=type(error).__name__)
            return WebhookResponse(None, f"the call could not be made ({type(error).__name__})", 0)
