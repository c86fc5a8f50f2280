"""Sending notifications: claim, send, record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from notification_service.application.notifications.claim_due_notifications import claim_due_notifications
from notification_service.application.notifications.delivery_rules import MailRules
from notification_service.application.notifications.record_mail_attempts import MailAttempt, record_mail_attempts
from notification_service.application.ports.mail import (
    CANNOT_BE_BUILT,
    Mail,
    MailContent,
    Mailer,
    MailOutcome,
    MailResult,
    Renderer,
)
from notification_service.application.ports.notifications import ClaimedNotification
from notification_service.application.ports.unit_of_work import NotificationUnits
from service_kit.commands.execute import execute
from service_kit.persistence.transient_errors import is_transient

log = structlog.get_logger(__name__)

_RENDERING_FAILED = MailResult(MailOutcome.TRY_AGAIN, "rendering_failed")


async def send_due_notifications(units: NotificationUnits, renderer: Renderer, mailer: Mailer, rules: MailRules) -> int:
    """Send a batch of notifications that are due; returns how many were claimed.

    Duty: each notification is handed to the mail server at least once, and its end is published exactly once.

    The claim is committed before anything is sent, and the results in a second transaction after it, so that no
    transaction is open while a mail server is waited for. If the process dies in between, or the results cannot be
    committed, the claim ends with its lease and the notification is sent again with the same Message-ID, by which
    mail programs recognise the copy. A second worker that took over an expired lease may send it too; only the
    first result is recorded. A mail that cannot be rendered does not stop the others: it is tried again by the
    schedule, as is one that the mail server defers. One that cannot be written as a message fails by itself, at once.
    """
    claims = await execute(units, claim_due_notifications, rules)
    rendered, attempts = _render(claims, renderer)
    if rendered:
        results = await mailer.send([mail for _, mail in rendered])
        attempts += [
            # What could not be written as a message is not stored as one either.
            MailAttempt(claim, None if result.reason == CANNOT_BE_BUILT else mail, result)
            for (claim, mail), result in zip(rendered, results, strict=True)
        ]
    await _record(units, attempts, rules)
    return len(claims)


async def _record(units: NotificationUnits, attempts: Sequence[MailAttempt], rules: MailRules) -> None:
    """Record all attempts in one transaction; if that is not possible, each by itself, so that one spoils no other."""
    if not attempts:
        return
    try:
        await execute(units, record_mail_attempts, attempts, rules)
    except Exception as error:
        if is_transient(error):
            raise
        for attempt in attempts:
            await _record_alone(units, attempt, rules)


async def _record_alone(units: NotificationUnits, attempt: MailAttempt, rules: MailRules) -> None:
    """Record one attempt, without the texts of the mail where they are what cannot be stored."""
    for form in (attempt, replace(attempt, mail=None)):
        try:
            await execute(units, record_mail_attempts, [form], rules)
        except Exception as error:
            if is_transient(error):
                raise
            log.error(
                "mail_attempt_not_recorded",
                notification_id=attempt.claim.notification_id,
                error_type=type(error).__name__,
            )
        else:
            return


def _render(
    claims: Sequence[ClaimedNotification], renderer: Renderer
) -> tuple[list[tuple[ClaimedNotification, Mail]], list[MailAttempt]]:
    """The mails of those whose contact is known, and a failed attempt for each that cannot be rendered."""
    rendered: list[tuple[ClaimedNotification, Mail]] = []
    failed: list[MailAttempt] = []
    for claim in claims:
        if claim.recipient is None:
            continue
        content = MailContent(claim.notification_id, claim.template, claim.template_data, claim.recipient)
        try:
            rendered.append((claim, renderer.render(content)))
        except Exception as error:
            log.warning("rendering_failed", notification_id=claim.notification_id, error_type=type(error).__name__)
            failed.append(MailAttempt(claim, None, _RENDERING_FAILED))
    return rendered, failed
