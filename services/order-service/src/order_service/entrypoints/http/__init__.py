"""The HTTP API of orders: thin endpoints over the application."""

from __future__ import annotations

from order_service.entrypoints.http import (
    offer_pages,
    order_changes,
    order_events,
    orders,
    promises,
    shipments,
    tracking_links,
)
from order_service.entrypoints.http.payments import payments, provider_events
from order_service.entrypoints.http.problems import PROBLEMS

__all__ = ["LARGE_BODY_PATHS", "PROBLEMS", "ROUTERS", "TAGS"]

ROUTERS = (
    orders.router,
    order_changes.router,
    shipments.router,
    order_events.router,
    tracking_links.router,
    promises.router,
    offer_pages.router,
    payments.router,
    provider_events.router,
)

LARGE_BODY_PATHS = frozenset({"/v1/orders", "/v1/orders/{order_id}/shipments", "/v1/orders/{order_id}/cancel"})
"""Paths that take an order of 1,000 lines, or a list of all its lines."""

TAGS = {
    "orders": "Placing, reading and changing orders",
    "shipments": "What left, and what can leave",
    "promises": "What was told of an order's dates, delays offered and answered, and refunds that follow",
    "payments": "How orders are paid: money held, taken and given back",
    "events": "An order's history, live status and tracking links",
}
