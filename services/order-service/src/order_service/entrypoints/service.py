"""The order service: its API and its subscription on the wired application."""

from __future__ import annotations

from dataclasses import dataclass, field

from order_service.bootstrap import OrderApplication, wire
from order_service.config import OrderSettings
from order_service.entrypoints import http
from order_service.entrypoints.consumer import subscription
from service_kit.hosting.service import Service
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock

_DESCRIPTION = """
Orders and their whole life: placed, amended, cancelled, shipped. Quantities are the truth, states are
derived from them; stock is decided by allocation, whose answers this service stores as they come.
A line is `pending` until allocation has answered the order's latest change.
""".strip()


@dataclass
class OrderService(Service):
    """The service with the application that its endpoints use."""

    application: OrderApplication = field(kw_only=True)


def build(
    settings: OrderSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> OrderService:
    """Build the service from its settings, by default those of the environment; see `wire`."""
    return service_of(wire(settings, clock=clock, database=database))


def service_of(application: OrderApplication) -> OrderService:
    """Build the service on an application that is wired already."""
    return OrderService(
        name=application.settings.service_name,
        settings=application.settings,
        database=application.database,
        routers=http.ROUTERS,
        application=application,
        subscription=subscription(application),
        title="Backorder orders",
        description=_DESCRIPTION,
        large_body_paths=http.LARGE_BODY_PATHS,
        verify_token=application.tracking_tokens.principal,
        tags=http.TAGS,
        problems=http.PROBLEMS,
    )
