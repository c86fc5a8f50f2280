"""The HTTP API of orders: thin endpoints over the command buses and the queries."""

from __future__ import annotations

from order_service.entrypoints.http import changes, events, orders, shipments

ROUTERS = (orders.router, changes.router, shipments.router, events.router)

LARGE_BODY_PATHS = frozenset({"/v1/orders", "/v1/orders/{order_id}/shipments", "/v1/orders/{order_id}/cancel"})
"""An order of 1,000 lines, and what names all of them."""

TAGS = {
    "orders": "Placing, reading and changing orders",
    "shipments": "What left, and what can leave",
    "events": "An order's history, live status and tracking links",
}
