"""The notification service: the wired application with its API, its subscription and its background loops."""

from __future__ import annotations

from notification_service.bootstrap import NotificationApplication, wire
from notification_service.config import NotificationSettings
from notification_service.entrypoints import http
from notification_service.entrypoints.background.compose_notifications import compose_notifications
from notification_service.entrypoints.background.dispatch_webhooks import dispatch_webhooks
from notification_service.entrypoints.background.purge_webhooks import purge_webhooks
from notification_service.entrypoints.background.review_waiting_notifications import review_waiting_notifications
from notification_service.entrypoints.background.seal_webhook_secrets import seal_webhook_secrets
from notification_service.entrypoints.background.send_notifications import send_notifications
from notification_service.entrypoints.consumer import subscription
from notification_service.entrypoints.notices import notices
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock
from service_kit.runtime.health import Health

_DESCRIPTION = """\
Tells customers by e-mail what happens to the items they wait for, and merchants' systems by webhooks.

A message collects what happens to one order within a minute. It says how the order differs from what the
customer was last told, so nothing is said twice when events are repeated or reordered. Contacts are the only
personal data of the system and can be erased.
"""


def build(
    settings: NotificationSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Service:
    """The service with these settings, by default those of the environment; tests give a clock or a database."""
    return service_of(wire(settings, clock=clock, database=database))


def service_of(app: NotificationApplication) -> Service:
    """The service that runs the wired application."""
    return Service(
        name=app.settings.service_name,
        settings=app.settings,
        database=app.database,
        api=Api(
            http.ROUTERS,
            title="Backorder notification",
            description=_DESCRIPTION,
            tags=http.TAGS,
            problems=http.PROBLEMS,
            application=app,
        ),
        subscription=subscription(app),
        background=[
            compose_notifications(app),
            send_notifications(app),
            review_waiting_notifications(app),
            dispatch_webhooks(app),
            purge_webhooks(app),
            seal_webhook_secrets(app),
        ],
        health=Health(notices=notices(app)),
    )
