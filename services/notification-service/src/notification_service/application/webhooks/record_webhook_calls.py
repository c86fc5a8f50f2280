"""Recording how webhook endpoints responded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notification_service.application.metrics import WEBHOOKS
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.application.ports.webhooks import ClaimedDelivery, DeliveryAttempt
from notification_service.application.webhooks.delivery_rules import WebhookRules
from notification_service.domain.retries import next_attempt
from notification_service.domain.webhook_endpoints import WebhookResponse


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """A call made for a claimed delivery, and the response."""

    claim: ClaimedDelivery
    response: WebhookResponse


async def record_webhook_calls(
    uow: NotificationUnitOfWork, endpoint_id: str, calls: Sequence[WebhookCall], rules: WebhookRules
) -> None:
    """Record calls of one endpoint: end or reschedule their deliveries, and update the endpoint's health.

    An endpoint that is gone or has failed for too long is switched off. Nothing is recorded for one that was
    deleted meanwhile.
    """
    responses = [call.response for call in calls]
    uow.after_commit(lambda: _count(responses))
    endpoint = await uow.endpoints.lock(endpoint_id)
    if endpoint is None:
        return
    await uow.endpoints.save(endpoint.after_calls(responses, uow.now, rules.disable_after))
    attempts = []
    for call in calls:
        retry_at = None
        if not call.response.accepted:
            retry_at = next_attempt(call.claim.attempts, rules.delays, uow.now, rules.jitter())
        attempts.append(DeliveryAttempt(call.claim, call.response, retry_at))
    await uow.deliveries.record(attempts, uow.now)


def _count(responses: Sequence[WebhookResponse]) -> None:
    for response in responses:
        WEBHOOKS.labels("accepted" if response.accepted else "failed").inc()
