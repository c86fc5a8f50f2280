"""Inventory's HTTP API: a package for each group of resources, a module for each resource."""

from __future__ import annotations

from inventory_service.entrypoints.http.catalogue import locations, skus, suppliers
from inventory_service.entrypoints.http.problems import PROBLEMS
from inventory_service.entrypoints.http.purchasing import purchase_orders
from inventory_service.entrypoints.http.stock import (
    adjustments,
    counts,
    ledger_entries,
    receipts,
    stock_levels,
    supplier_returns,
)

__all__ = ["LARGE_BODIES", "PROBLEMS", "ROUTERS", "TAGS"]

ROUTERS = (
    skus.router,
    locations.router,
    suppliers.router,
    purchase_orders.router,
    receipts.router,
    counts.router,
    adjustments.router,
    supplier_returns.router,
    stock_levels.router,
    ledger_entries.router,
)
"""The routes of the service, in the order of the API document."""

LARGE_BODIES = frozenset(
    {"/v1/skus", "/v1/receipts", "/v1/counts", "/v1/adjustments", "/v1/supplier-returns", "/v1/purchase-orders"}
)
"""Paths whose bodies may have 1 MiB."""

TAGS = {
    "SKUs": "What can be sold, and how it may be sold when nothing is on hand",
    "Locations and suppliers": "Where stock is kept, and who delivers it",
    "Purchase orders": "What suppliers will deliver, and when",
    "Stock documents": "Receipts, returns, counts, adjustments and what goes back to suppliers",
    "Stock": "Levels and the ledger that explains them",
}
