"""The one place where the notification service is put together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from email.utils import parseaddr

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import EVENT_TYPES, Event, Topic
from notification_service.adapters.mail import MailServer, SmtpMailer
from notification_service.adapters.rendering import TemplateRenderer
from notification_service.adapters.webhook_client import HttpWebhookSender
from notification_service.adapters.work import SqlUnitOfWork, SqlWork
from notification_service.application.dispatching import Dispatcher
from notification_service.application.records import Endpoint
from notification_service.application.resending import Resend, resend
from notification_service.application.telling import MailPlan
from notification_service.application.watching import take_in
from notification_service.application.webhooks import CreateEndpoint, WebhookPlan, create_endpoints
from notification_service.config import NotificationSettings
from notification_service.domain.retries import WEBHOOK_DELAYS
from notification_service.entrypoints.http import TAGS
from notification_service.entrypoints.http.contacts import contact_routes
from notification_service.entrypoints.http.notifications import notification_routes
from notification_service.entrypoints.http.webhooks import WebhookParts, webhook_routes
from notification_service.entrypoints.sweepers import Sweepers
from service_kit.clock import Clock, SystemClock
from service_kit.commands import CommandBus
from service_kit.database import Database
from service_kit.problems import Problem
from service_kit.service import Service
from service_kit.subscription import Subscription

TOPICS = (Topic.ORDERS, Topic.INVENTORY, Topic.ALLOCATIONS)
EVENTS = frozenset(name for name, event in EVENT_TYPES.items() if event.topic in TOPICS)
"""All of them: merchants' endpoints may ask for any public event."""

DESCRIPTION = """\
Tells customers what happens to what they wait for, by e-mail, once; tells merchants' systems by webhooks.

A message gathers what happens to one order within a minute. What it says is derived from the difference
between the order's state and what the customer was last told, so repeated and reordered events say nothing
twice. Contacts are the only personal data of the system and can be erased.
"""


def build(settings: NotificationSettings | None = None, *, clock: Clock | None = None) -> Service:
    """The notification service, wired; settings come from the environment where none are given."""
    settings = settings or NotificationSettings()
    clock = clock or SystemClock()
    database = Database(settings.database_url, pool_size=settings.pool_size, application_name="notification")
    uow = SqlUnitOfWork(database)
    sender = HttpWebhookSender(timeout=settings.webhook_timeout_seconds, allow_localhost=settings.local_mode)
    sweepers = _sweepers(settings, clock, uow, sender)

    async def handle(conn: AsyncConnection, events: Sequence[Event]) -> None:
        await take_in(SqlWork(conn), events, clock.now(), settings.holding)

    async def execute_resends(conn: AsyncConnection, commands: Sequence[Resend]) -> Sequence[str | Problem]:
        return await resend(SqlWork(conn), commands, clock.now())

    async def execute_creations(
        conn: AsyncConnection, commands: Sequence[CreateEndpoint]
    ) -> Sequence[tuple[Endpoint, str] | Problem]:
        return await create_endpoints(SqlWork(conn), commands, clock.now())

    parts = WebhookParts(
        uow=uow,
        clock=clock,
        creations=CommandBus(database, execute_creations),
        sender=sender,
        overlap=timedelta(hours=settings.webhook_secret_overlap_hours),
        allow_localhost=settings.local_mode,
    )
    return Service(
        name="notification",
        settings=settings,
        database=database,
        routers=[
            contact_routes(uow, clock),
            notification_routes(uow, CommandBus(database, execute_resends)),
            webhook_routes(parts),
        ],
        subscription=Subscription(TOPICS, EVENTS, handle),
        background=[sweepers.gather, sweepers.mail, sweepers.contacts, sweepers.webhooks, sweepers.purge],
        title="Backorder notification",
        description=DESCRIPTION,
        migrations_module="notification_service",
        tags=TAGS,
    )


def _sweepers(settings: NotificationSettings, clock: Clock, uow: SqlUnitOfWork, sender: HttpWebhookSender) -> Sweepers:
    server = MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        starttls=settings.smtp_starttls,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        timeout=settings.smtp_timeout_seconds,
    )
    delays = [timedelta(seconds=seconds) for seconds in settings.webhook_delays_seconds] or WEBHOOK_DELAYS
    webhook_plan = WebhookPlan(
        per_endpoint=settings.webhook_concurrency,
        # Requests of a batch run side by side: one limit, and room to record the results.
        lease=timedelta(seconds=settings.webhook_timeout_seconds + 45),
        patience=timedelta(days=settings.webhook_disable_after_days),
        delays=delays,
    )
    return Sweepers(
        uow,
        clock,
        renderer=TemplateRenderer(_domain(settings.mail_from)),
        mailer=SmtpMailer(server, settings.mail_connections),
        mail_plan=MailPlan(
            batch=settings.mail_batch,
            lease=timedelta(seconds=settings.mail_lease_seconds),
            contact_wait=timedelta(hours=settings.contact_wait_hours),
        ),
        dispatcher=Dispatcher(uow, sender, clock, webhook_plan),
        pause=settings.sweep_seconds,
        retention=timedelta(days=settings.webhook_retention_days),
    )


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"
