"""The order service: what is wired, with its API and its subscription."""

from __future__ import annotations

from event_contracts import Topic
from order_service.application.apply_events import HANDLED
from order_service.bootstrap import wire
from order_service.config import OrderSettings
from order_service.entrypoints import http
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.messaging.subscription import Subscription
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock

_DESCRIPTION = """
Orders and their whole life: placed, amended, cancelled, shipped. Quantities are the truth, states are
derived from them; stock is decided by allocation, whose answers this service stores as they come.
A line is `pending` until allocation has answered the order's latest change.
""".strip()


def build(
    settings: OrderSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Service:
    """The service from its settings (read from the environment by default), on another clock or database in tests."""
    wiring = wire(settings, clock=clock, database=database)
    return Service(
        name=wiring.settings.service_name,
        settings=wiring.settings,
        database=wiring.database,
        api=Api(
            http.ROUTERS,
            title="Backorder orders",
            description=_DESCRIPTION,
            tags=http.TAGS,
            large_body_paths=http.LARGE_BODY_PATHS,
            verify_token=wiring.links.principal,
            application=wiring,
        ),
        subscription=Subscription(
            (Topic.ALLOCATIONS, Topic.INVENTORY), dict.fromkeys(HANDLED, wiring.handler), lambda conn: conn
        ),
    )
