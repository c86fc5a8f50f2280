"""Webhook endpoints and the calls to them."""

from __future__ import annotations

import json
import random
import secrets
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notification_service.application.ports import UnitOfWork, UnitOfWorkFactory, WebhookSender
from notification_service.application.records import (
    ClaimedWebhook,
    Endpoint,
    WebhookAnswer,
    WebhookResult,
)
from notification_service.domain.retries import WEBHOOK_DELAYS, endpoint_given_up, next_attempt
from service_kit.http.problems import Problem, not_found
from service_kit.runtime.clock import Clock

GONE = 410
TEST_TYPE = "webhook.test"


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    """A new endpoint, already validated."""

    endpoint_id: str
    url: str
    description: str
    event_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeEndpoint:
    """What a merchant changes; None leaves a field as it is."""

    endpoint_id: str
    url: str | None = None
    description: str | None = None
    event_types: tuple[str, ...] | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class WebhookPlan:
    """How endpoints are called. ``patience``: failing for so long switches one off."""

    per_endpoint: int
    lease: timedelta
    patience: timedelta
    delays: Sequence[timedelta] = WEBHOOK_DELAYS
    chance: Callable[[], float] = random.random


def new_secret() -> str:
    """A signing secret of 192 random bits in the Standard Webhooks form ``whsec_<base64>``."""
    return "whsec_" + b64encode(secrets.token_bytes(24)).decode()


async def create_endpoints(
    work: UnitOfWork, commands: Sequence[CreateEndpoint], now: datetime
) -> list[tuple[Endpoint, str] | Problem]:
    """Create endpoints; each answer is the endpoint and its secret, which is never shown again."""
    answers: list[tuple[Endpoint, str] | Problem] = []
    for command in commands:
        secret = new_secret()
        endpoint = Endpoint(
            endpoint_id=command.endpoint_id,
            url=command.url,
            description=command.description,
            event_types=command.event_types,
            enabled=True,
            disabled_reason=None,
            disabled_at=None,
            created_at=now,
            version=1,
        )
        await work.endpoints.add(endpoint, secret)
        answers.append((endpoint, secret))
    return answers


async def change_endpoint(
    uow: UnitOfWorkFactory, clock: Clock, command: ChangeEndpoint, precondition: Callable[[Endpoint], None]
) -> Endpoint:
    """Change an endpoint, or switch it off or on again (which forgets its failures); Problem 404."""
    async with uow.transaction() as work:
        endpoint = await work.endpoints.find(command.endpoint_id, lock=True)
        if endpoint is None:
            raise not_found("webhook-endpoint")
        precondition(endpoint)
        changed = replace(
            endpoint,
            url=endpoint.url if command.url is None else command.url,
            description=endpoint.description if command.description is None else command.description,
            event_types=endpoint.event_types if command.event_types is None else command.event_types,
        )
        if command.enabled is True and not endpoint.enabled:
            changed = replace(
                changed,
                enabled=True,
                disabled_reason=None,
                disabled_at=None,
                failing_since=None,
                consecutive_failures=0,
            )
        elif command.enabled is False and endpoint.enabled:
            changed = replace(changed, enabled=False, disabled_reason="by_request", disabled_at=clock.now())
        if changed == endpoint:
            return endpoint
        await work.endpoints.update(changed)
        return replace(changed, version=endpoint.version + 1)


async def read_endpoint(uow: UnitOfWorkFactory, endpoint_id: str) -> Endpoint:
    """One endpoint with its health; Problem 404."""
    async with uow.reading() as work:
        endpoint = await work.endpoints.find(endpoint_id)
    if endpoint is None:
        raise not_found("webhook-endpoint")
    return endpoint


async def delete_endpoint(uow: UnitOfWorkFactory, endpoint_id: str) -> None:
    """Remove an endpoint and what is queued for it; Problem 404."""
    async with uow.transaction() as work:
        if not await work.endpoints.delete(endpoint_id):
            raise not_found("webhook-endpoint")


async def rotate_secret(
    uow: UnitOfWorkFactory, clock: Clock, endpoint_id: str, overlap: timedelta
) -> tuple[Endpoint, str, datetime]:
    """Give an endpoint a new secret; the old ones sign beside it until the moment returned. Problem 404."""
    async with uow.transaction() as work:
        endpoint = await work.endpoints.find(endpoint_id, lock=True)
        if endpoint is None:
            raise not_found("webhook-endpoint")
        now = clock.now()
        secret = new_secret()
        await work.endpoints.rotate(endpoint_id, secret, now, now + overlap)
        return endpoint, secret, now + overlap


async def try_endpoint(
    uow: UnitOfWorkFactory, sender: WebhookSender, clock: Clock, endpoint_id: str, message_id: str
) -> WebhookAnswer:
    """Call an endpoint now, with a test message, whether enabled or not; its health is left as it is."""
    body = json.dumps(
        {
            "id": message_id,
            "type": TEST_TYPE,
            "version": 1,
            "timestamp": clock.now().isoformat().replace("+00:00", "Z"),
            "data": {"endpoint_id": endpoint_id},
        }
    )
    async with uow.reading() as work:
        endpoint = await work.endpoints.find(endpoint_id)
        if endpoint is None:
            raise not_found("webhook-endpoint")
        signing = await work.endpoints.secrets(endpoint_id, clock.now())
    return await sender.send(endpoint.url, message_id, body, signing)


async def record_results(
    uow: UnitOfWorkFactory, clock: Clock, attempts: Sequence[tuple[ClaimedWebhook, WebhookAnswer]], plan: WebhookPlan
) -> None:
    """Write the results of calls to one endpoint; switch it off where it is gone or has failed for too long."""
    async with uow.transaction() as work:
        now = clock.now()
        results = [
            WebhookResult(
                claim,
                answer,
                None if answer.accepted else next_attempt(claim.attempts, plan.delays, now, plan.chance()),
            )
            for claim, answer in attempts
        ]
        endpoint = await work.deliveries.record(results, now)
        if endpoint is None or not endpoint.enabled:
            return
        reason = None
        if any(answer.status == GONE for _, answer in attempts):
            reason = "endpoint_gone"
        elif endpoint_given_up(endpoint.failing_since, now, plan.patience):
            reason = "failing_for_too_long"
        if reason is not None:
            await work.endpoints.update(replace(endpoint, enabled=False, disabled_reason=reason, disabled_at=now))
