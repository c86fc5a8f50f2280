"""The notification service: what is wired, with its API, its subscription and its sweepers."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from notification_service.application.watching import HANDLED, TOPICS
from notification_service.bootstrap import Wiring, wire
from notification_service.config import NotificationSettings
from notification_service.entrypoints.background.sweepers import Sweepers
from notification_service.entrypoints.http import TAGS
from notification_service.entrypoints.http.contacts import contact_routes
from notification_service.entrypoints.http.notifications import notification_routes
from notification_service.entrypoints.http.webhooks import WebhookParts, webhook_routes
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.messaging.subscription import Subscription
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock

_DESCRIPTION = """\
Tells customers what happens to what they wait for, by e-mail, once; tells merchants' systems by webhooks.

A message gathers what happens to one order within a minute. What it says is derived from the difference
between the order's state and what the customer was last told, so repeated and reordered events say nothing
twice. Contacts are the only personal data of the system and can be erased.
"""


def build(
    settings: NotificationSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Service:
    """The service from its settings (read from the environment by default), on another clock or database in tests."""
    wiring = wire(settings, clock=clock, database=database)
    sweepers = _sweepers(wiring)
    return Service(
        name=wiring.settings.service_name,
        settings=wiring.settings,
        database=wiring.database,
        api=Api(_routers(wiring), title="Backorder notification", description=_DESCRIPTION, tags=TAGS),
        subscription=Subscription(TOPICS, dict.fromkeys(HANDLED, wiring.handler), lambda conn: conn),
        background=[sweepers.gather, sweepers.mail, sweepers.contacts, sweepers.webhooks, sweepers.purge],
    )


def _routers(wiring: Wiring) -> list[APIRouter]:
    parts = WebhookParts(
        uow=wiring.uow,
        clock=wiring.clock,
        creations=wiring.creations,
        sender=wiring.sender,
        overlap=timedelta(hours=wiring.settings.webhook_secret_overlap_hours),
        allow_localhost=wiring.settings.local_mode,
    )
    return [
        contact_routes(wiring.uow, wiring.clock),
        notification_routes(wiring.uow, wiring.resends),
        webhook_routes(parts),
    ]


def _sweepers(wiring: Wiring) -> Sweepers:
    return Sweepers(
        wiring.uow,
        wiring.clock,
        renderer=wiring.renderer,
        mailer=wiring.mailer,
        mail_plan=wiring.mail_plan,
        dispatcher=wiring.dispatcher,
        pause=wiring.settings.sweep_seconds,
        retention=timedelta(days=wiring.settings.webhook_retention_days),
    )
