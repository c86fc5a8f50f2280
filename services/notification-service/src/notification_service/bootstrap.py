"""Wires the notification service; nothing else of it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from functools import partial

from notification_service.adapters.http_webhook_sender import HttpWebhookSender
from notification_service.adapters.secret_box import SecretBox
from notification_service.adapters.smtp_mailer import MailServer, SmtpMailer
from notification_service.adapters.sql_unit_of_work import SqlNotificationUnitOfWork
from notification_service.adapters.template_renderer import TemplateRenderer
from notification_service.application.notifications.delivery_rules import MailRules
from notification_service.application.notifications.resend_notifications import (
    ResendNotification,
    resend_notifications,
)
from notification_service.application.notifications.send_due_notifications import send_due_notifications
from notification_service.application.ports.mail import Mailer
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.application.ports.webhooks import WebhookSender
from notification_service.application.project_events import project_events
from notification_service.application.webhooks.create_webhook_endpoints import (
    CreatedEndpoint,
    CreateWebhookEndpoint,
    create_webhook_endpoints,
)
from notification_service.application.webhooks.delivery_rules import WebhookRules
from notification_service.application.webhooks.dispatch_webhooks import WebhookDispatcher
from notification_service.application.webhooks.send_test_webhook import send_test_webhook
from notification_service.config import NotificationSettings
from notification_service.domain.retries import WEBHOOK_DELAYS
from notification_service.domain.webhook_endpoints import WebhookResponse
from service_kit.commands.command_batcher import CommandBatcher
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.messaging.subscription import EventUseCase
from service_kit.persistence.database import Database
from service_kit.runtime.business_clock import BusinessClock
from service_kit.runtime.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class NotificationApplication:
    """The wired service, as its entrypoints use it.

    Use cases that need more than a unit of work and a command are bound to what they need; the others are called
    on ``units``.
    """

    settings: NotificationSettings
    database: Database
    units: SqlUnitOfWorkFactory[SqlNotificationUnitOfWork]
    project_events: EventUseCase[NotificationUnitOfWork]
    resends: CommandBatcher[ResendNotification, str]
    endpoint_creations: CommandBatcher[CreateWebhookEndpoint, CreatedEndpoint]
    send_due_notifications: Callable[[], Awaitable[int]]
    send_test_webhook: Callable[[str, str], Awaitable[WebhookResponse]]
    dispatcher: WebhookDispatcher
    mailer: Mailer


def wire(
    settings: NotificationSettings | None = None,
    *,
    clock: Clock | None = None,
    database: Database | None = None,
    mailer: Mailer | None = None,
    sender: WebhookSender | None = None,
) -> NotificationApplication:
    """The service from its settings, by default from the environment. Tests give what they replace."""
    settings = settings or NotificationSettings()
    database = database or Database(
        settings.database_url,
        pool_size=settings.pool_size,
        application_name="notification",
        idle_in_transaction=settings.idle_in_transaction,
    )
    clock = clock or SystemClock()
    business_clock = BusinessClock(clock, follow_events=settings.business_clock == "events")
    box = SecretBox(settings.webhook_keys)
    kind = partial(SqlNotificationUnitOfWork, box=box, business_clock=business_clock)
    units = SqlUnitOfWorkFactory(database, kind, clock)
    mailer = mailer or SmtpMailer(_mail_server(settings), settings.mail_connections)
    sender = sender or HttpWebhookSender(timeout=settings.webhook_timeout_seconds, allow_localhost=settings.local_mode)
    renderer = TemplateRenderer(_mail_domain(settings.mail_from))
    return NotificationApplication(
        settings=settings,
        database=database,
        units=units,
        project_events=partial(project_events, timing=settings.message_timing),
        resends=CommandBatcher.on(units, resend_notifications),
        endpoint_creations=CommandBatcher.on(units, create_webhook_endpoints),
        send_due_notifications=partial(send_due_notifications, units, renderer, mailer, _mail_rules(settings)),
        send_test_webhook=partial(send_test_webhook, units, sender),
        dispatcher=WebhookDispatcher(units, sender, _webhook_rules(settings)),
        mailer=mailer,
    )


def _mail_server(settings: NotificationSettings) -> MailServer:
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        starttls=settings.smtp_starttls,
        tls=settings.smtp_tls,
        ca_path=settings.smtp_ca_path,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        timeout=settings.smtp_timeout_seconds,
    )


def _mail_rules(settings: NotificationSettings) -> MailRules:
    return MailRules(
        batch=settings.mail_batch,
        lease=timedelta(seconds=settings.mail_lease_seconds),
        contact_wait=timedelta(hours=settings.contact_wait_hours),
    )


def _webhook_rules(settings: NotificationSettings) -> WebhookRules:
    return WebhookRules(
        per_endpoint=settings.webhook_concurrency,
        # The calls of a batch are made side by side: the time that one may take, and some to record the responses.
        lease=timedelta(seconds=settings.webhook_timeout_seconds + 45),
        disable_after=timedelta(days=settings.webhook_disable_after_days),
        delays=[timedelta(seconds=seconds) for seconds in settings.webhook_delays_seconds] or WEBHOOK_DELAYS,
    )


def _mail_domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"
