"""The order service: its API and its subscription on the wired application."""

from __future__ import annotations

from order_service.bootstrap import OrderApplication, wire
from order_service.config import OrderSettings
from order_service.entrypoints import http
from order_service.entrypoints.background.follow_payments import (
    advance_due_payments,
    follow_provider_events,
    reconcile_daily,
)
from order_service.entrypoints.background.judge_due_orders import OrderJudge
from order_service.entrypoints.consumer import subscription
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock

_DESCRIPTION = """
Orders and their whole life: placed, amended, cancelled, shipped. Quantities are the truth, states are
derived from them; stock is decided by allocation, whose answers this service stores as they come.
A line's `pending` is true until allocation has decided about the order's latest change.
""".strip()


def build(
    settings: OrderSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Service:
    """Build the service from its settings, by default those of the environment; see `wire`."""
    return service_of(wire(settings, clock=clock, database=database))


def service_of(application: OrderApplication) -> Service:
    """Build the service on an application that is wired already."""
    return Service(
        name=application.settings.service_name,
        settings=application.settings,
        database=application.database,
        api=Api(
            http.ROUTERS,
            title="Backorder orders",
            description=_DESCRIPTION,
            tags=http.TAGS,
            large_body_paths=http.LARGE_BODY_PATHS,
            verify_token=application.tracking_tokens.principal,
            problems=http.PROBLEMS,
            application=application,
        ),
        subscription=subscription(application),
        background=[
            OrderJudge(application).run,
            advance_due_payments(application),
            follow_provider_events(application),
            reconcile_daily(application),
        ],
    )
