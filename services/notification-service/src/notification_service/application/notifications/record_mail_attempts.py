"""Recording what became of attempts to send notifications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notification_service.application.notifications.delivery_rules import MailRules
from notification_service.application.notifications.finish_notifications import finish_notifications
from notification_service.application.ports.mail import Mail, MailOutcome, MailResult
from notification_service.application.ports.notifications import (
    ClaimedNotification,
    NotificationResult,
    NotificationRetry,
)
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.retries import next_attempt


@dataclass(frozen=True, slots=True)
class MailAttempt:
    """One attempt to send a claimed notification; ``mail`` is None where it could not be rendered."""

    claim: ClaimedNotification
    mail: Mail | None
    result: MailResult


async def record_mail_attempts(uow: NotificationUnitOfWork, attempts: Sequence[MailAttempt], rules: MailRules) -> None:
    """End what was sent or rejected, and schedule the next attempt of the rest.

    A notification fails with the reason of its last attempt once the schedule is used up.
    """
    ended: list[NotificationResult] = []
    retries: list[NotificationRetry] = []
    for attempt in attempts:
        claim, result = attempt.claim, attempt.result
        retry_at = None
        if result.outcome is MailOutcome.TRY_AGAIN:
            retry_at = next_attempt(claim.attempts, rules.delays, uow.now, rules.jitter())
        if retry_at is not None:
            retries.append(NotificationRetry(claim.notification_id, retry_at, result.reason))
        else:
            reason = None if result.outcome is MailOutcome.ACCEPTED else result.reason
            ended.append(NotificationResult(claim, reason, attempt.mail))
    await finish_notifications(uow, ended)
    await uow.notifications.retry(retries)
