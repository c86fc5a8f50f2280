"""The notification service as the kit runs it: its API, its subscription and its background loops."""

from __future__ import annotations

from notification_service.bootstrap import NotificationApplication, wire
from notification_service.config import NotificationSettings
from notification_service.entrypoints.background.compose_notifications import compose_notifications
from notification_service.entrypoints.background.dispatch_webhooks import dispatch_webhooks
from notification_service.entrypoints.background.purge_webhooks import purge_webhooks
from notification_service.entrypoints.background.review_waiting_notifications import (
    review_waiting_notifications,
)
from notification_service.entrypoints.background.send_notifications import send_notifications
from notification_service.entrypoints.consumer import subscription
from notification_service.entrypoints.http import TAGS, contacts, notifications, webhook_endpoints
from notification_service.entrypoints.http.problems import PROBLEMS
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock

_DESCRIPTION = """\
Tells customers by e-mail what happens to the items they wait for, and merchants' systems by webhooks.

A message collects what happens to one order within a minute. It says how the order differs from what the
customer was last told, so nothing is said twice when events are repeated or reordered. Contacts are the only
personal data of the system and can be erased.
"""


def build(
    settings: NotificationSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Service:
    """The service from its settings, by default from the environment; on another clock or database in tests."""
    return service_of(wire(settings, clock=clock, database=database))


def service_of(app: NotificationApplication) -> Service:
    """The service of a wired application."""
    return Service(
        name=app.settings.service_name,
        settings=app.settings,
        database=app.database,
        api=Api(
            [contacts.router, notifications.router, webhook_endpoints.router],
            title="Backorder notification",
            description=_DESCRIPTION,
            tags=TAGS,
            problems=PROBLEMS,
            application=app,
        ),
        subscription=subscription(app),
        background=[
            compose_notifications(app),
            send_notifications(app),
            review_waiting_notifications(app),
            dispatch_webhooks(app),
            purge_webhooks(app),
        ],
    )
