"""What happens around the notification service, as calls of its use cases; on stores in memory or in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tests.unit.notification.events import CustomerOrders

from event_contracts import Event, new_event_id
from notification_service.adapters.template_renderer import TemplateRenderer
from notification_service.application.contacts.put_contact import ContactPut, PutContact, put_contact
from notification_service.application.notifications.compose_due_notifications import (
    compose_due_notifications,
    find_due_orders,
)
from notification_service.application.notifications.delivery_rules import MailRules
from notification_service.application.notifications.give_up_waiting_notifications import (
    give_up_waiting_notifications,
)
from notification_service.application.notifications.read_notifications import Viewer, list_notifications
from notification_service.application.notifications.resume_waiting_notifications import (
    resume_waiting_notifications,
)
from notification_service.application.notifications.send_due_notifications import send_due_notifications
from notification_service.application.ports.mail import Mail, Mailer, MailOutcome, MailResult
from notification_service.application.ports.queries import EndpointOverview, WebhookDelivery
from notification_service.application.ports.unit_of_work import NotificationUnits
from notification_service.application.ports.webhooks import WebhookSender
from notification_service.application.project_events import project_events
from notification_service.application.webhooks.create_webhook_endpoints import (
    CreatedEndpoint,
    CreateWebhookEndpoint,
    create_webhook_endpoints,
)
from notification_service.application.webhooks.delivery_rules import WebhookRules
from notification_service.application.webhooks.dispatch_webhooks import WebhookDispatcher
from notification_service.application.webhooks.read_webhooks import get_webhook_endpoint, list_webhook_deliveries
from notification_service.domain.messages import MessageTiming
from notification_service.domain.notifications import Notification
from notification_service.domain.webhook_endpoints import WebhookResponse
from service_kit.commands.execute import execute, read
from service_kit.testing import FakeClock

TIMING = MessageTiming(timedelta(seconds=60), timedelta(seconds=120), timedelta(seconds=900))
MAIL_RULES = MailRules(batch=100, lease=timedelta(minutes=5), contact_wait=timedelta(hours=24))
WEBHOOK_RULES = WebhookRules(per_endpoint=8, lease=timedelta(minutes=1), disable_after=timedelta(days=5))


@dataclass
class RecordingMailer:
    """A mail server in memory. ``results`` are its answers by address, for addresses that it does not accept."""

    mails: list[Mail] = field(default_factory=list)
    results: dict[str, MailResult] = field(default_factory=dict)

    async def send(self, mails: Sequence[Mail]) -> list[MailResult]:
        answers = [self.results.get(mail.recipient, MailResult(MailOutcome.ACCEPTED)) for mail in mails]
        self.mails += [mail for mail, answer in zip(mails, answers, strict=True) if answer.outcome == "accepted"]
        return answers

    async def close(self) -> None:
        """Nothing is open."""

    def templates(self) -> list[str]:
        return [mail.template for mail in self.mails]


@dataclass(frozen=True)
class WebhookRequest:
    """One call of an endpoint."""

    url: str
    message_id: str
    body: str
    secrets: tuple[str, ...]


@dataclass
class RecordingSender:
    """Endpoints in memory, which all respond with ``status``. Those in ``hanging`` do so once their event is set."""

    status: int | None = 200
    error: str | None = None
    requests: list[WebhookRequest] = field(default_factory=list)
    hanging: dict[str, asyncio.Event] = field(default_factory=dict)

    async def send(self, url: str, message_id: str, body: str, secrets: Sequence[str]) -> WebhookResponse:
        self.requests.append(WebhookRequest(url, message_id, body, tuple(secrets)))
        response = WebhookResponse(self.status, self.error, 0.1)
        if url in self.hanging:
            await self.hanging[url].wait()
            response = WebhookResponse(None, "no answer within 15 s", 15)
        return response

    def respond(self, status: int) -> None:
        self.status, self.error = status, None if status == 200 else f"answered {status}"


@dataclass
class Scenario(CustomerOrders):
    """The service's use cases on ``units``, with a mail server and endpoints; time moves only when told to."""

    clock: FakeClock
    units: NotificationUnits
    mailer: Mailer
    sender: WebhookSender

    async def apply(self, *events: Event) -> None:
        """Handle the events as one batch."""
        await execute(self.units, project_events, events, TIMING)

    async def compose(self, after: timedelta = timedelta(hours=1)) -> int:
        """Compose what is due ``after`` some time; how many orders it was."""
        self.clock.advance(after)
        due = await read(self.units, find_due_orders, ())
        return await execute(self.units, compose_due_notifications, due)

    async def send(self, rules: MailRules = MAIL_RULES) -> int:
        """Send what is due; how many notifications were claimed."""
        return await send_due_notifications(self.units, TemplateRenderer("shop.example"), self.mailer, rules)

    async def compose_and_send(self) -> None:
        """Compose what is due in an hour, and send it."""
        await self.compose()
        await self.send()

    async def review_waiting(self) -> int:
        """Queue or give up what waits for its contact; of how many orders, and how many notifications."""
        resumed = await execute(self.units, resume_waiting_notifications)
        return resumed + await execute(self.units, give_up_waiting_notifications)

    async def put_contact(self, contact_id: str = "c1", *, email: str = "", locale: str = "en-GB") -> ContactPut:
        """Store a contact."""
        command = PutContact(contact_id, email or f"{contact_id}@example.com", locale, "Europe/London")
        return await execute(self.units, put_contact, command)

    async def all_notifications(self, order_id: str = "o1") -> list[Notification]:
        """The order's notifications, the newest first."""
        return await read(self.units, list_notifications, Viewer(), order_id=order_id, before=None, limit=100)

    async def create_endpoint(self, url: str, *event_types: str) -> CreatedEndpoint:
        """Create a webhook endpoint."""
        command = CreateWebhookEndpoint(new_event_id(), url, "", event_types)
        [created] = await execute(self.units, create_webhook_endpoints, [command])
        return created

    def dispatcher(self, rules: WebhookRules = WEBHOOK_RULES) -> WebhookDispatcher:
        """A dispatcher of its own, as another process has one."""
        return WebhookDispatcher(self.units, self.sender, rules)

    async def call_endpoints(self, rules: WebhookRules = WEBHOOK_RULES) -> int:
        """Make the deliveries that are due; how many it was."""
        dispatcher = self.dispatcher(rules)
        count = await dispatcher.dispatch_webhooks()
        await dispatcher.drain()
        return count

    async def endpoint(self, endpoint_id: str) -> EndpointOverview:
        """The endpoint as it is now."""
        return await read(self.units, get_webhook_endpoint, endpoint_id)

    async def deliveries(self, endpoint_id: str) -> list[WebhookDelivery]:
        """The endpoint's deliveries, the newest event first."""
        return await read(self.units, list_webhook_deliveries, endpoint_id, before=None, limit=100)
