"""The one place that wires the notification service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event
from notification_service.adapters.mail import MailServer, SmtpMailer
from notification_service.adapters.rendering import TemplateRenderer
from notification_service.adapters.webhook_client import HttpWebhookSender
from notification_service.adapters.work import SqlUnitOfWork, SqlWork
from notification_service.application.dispatching import Dispatcher
from notification_service.application.ports import Mailer, Renderer, UnitOfWorkFactory, WebhookSender
from notification_service.application.records import Endpoint
from notification_service.application.resending import Resend, resend
from notification_service.application.telling import MailPlan
from notification_service.application.watching import take_in
from notification_service.application.webhooks import CreateEndpoint, WebhookPlan, create_endpoints
from notification_service.config import NotificationSettings
from notification_service.domain.retries import WEBHOOK_DELAYS
from service_kit.commands.command_batcher import CommandBatcher
from service_kit.http.problems import Problem
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork as KitUnitOfWork
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.messaging.subscription import EventHandler
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts that the entrypoints stand on."""

    settings: NotificationSettings
    clock: Clock
    database: Database
    uow: UnitOfWorkFactory
    resends: CommandBatcher[Resend, str]
    creations: CommandBatcher[CreateEndpoint, tuple[Endpoint, str]]
    sender: WebhookSender
    dispatcher: Dispatcher
    renderer: Renderer
    mailer: Mailer
    mail_plan: MailPlan
    handler: EventHandler


def wire(
    settings: NotificationSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Wiring:
    """The parts from the settings (read from the environment by default), on another clock or database in tests."""
    settings = settings or NotificationSettings()
    clock = clock or SystemClock()
    database = database or Database(
        settings.database_url,
        pool_size=settings.pool_size,
        application_name="notification",
        idle_in_transaction=settings.idle_in_transaction,
    )
    uow = SqlUnitOfWork(database)
    units = SqlUnitOfWorkFactory(database, KitUnitOfWork, clock)
    sender = HttpWebhookSender(timeout=settings.webhook_timeout_seconds, allow_localhost=settings.local_mode)

    async def handle(conn: AsyncConnection, events: Sequence[Event]) -> None:
        await take_in(SqlWork(conn), events, clock.now(), settings.holding)

    async def execute_resends(uow: KitUnitOfWork, commands: Sequence[Resend]) -> Sequence[str | Problem]:
        return await resend(SqlWork(uow.connection), commands, clock.now())

    async def execute_creations(
        uow: KitUnitOfWork, commands: Sequence[CreateEndpoint]
    ) -> Sequence[tuple[Endpoint, str] | Problem]:
        return await create_endpoints(SqlWork(uow.connection), commands, clock.now())

    return Wiring(
        settings=settings,
        clock=clock,
        database=database,
        uow=uow,
        resends=CommandBatcher.on(units, execute_resends),
        creations=CommandBatcher.on(units, execute_creations),
        sender=sender,
        dispatcher=Dispatcher(uow, sender, clock, _webhook_plan(settings)),
        renderer=TemplateRenderer(_domain(settings.mail_from)),
        mailer=SmtpMailer(_mail_server(settings), settings.mail_connections),
        mail_plan=MailPlan(
            batch=settings.mail_batch,
            lease=timedelta(seconds=settings.mail_lease_seconds),
            contact_wait=timedelta(hours=settings.contact_wait_hours),
        ),
        handler=handle,
    )


def _mail_server(settings: NotificationSettings) -> MailServer:
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        starttls=settings.smtp_starttls,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        timeout=settings.smtp_timeout_seconds,
    )


def _webhook_plan(settings: NotificationSettings) -> WebhookPlan:
    return WebhookPlan(
        per_endpoint=settings.webhook_concurrency,
        # Requests of a batch run side by side: one limit, and room to record the results.
        lease=timedelta(seconds=settings.webhook_timeout_seconds + 45),
        patience=timedelta(days=settings.webhook_disable_after_days),
        delays=[timedelta(seconds=seconds) for seconds in settings.webhook_delays_seconds] or WEBHOOK_DELAYS,
    )


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"
