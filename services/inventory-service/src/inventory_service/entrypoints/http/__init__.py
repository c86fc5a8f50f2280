"""Inventory's HTTP API, a module for each group of paths."""

from __future__ import annotations

from fastapi import APIRouter

from inventory_service.adapters.use_cases import UseCases
from inventory_service.entrypoints.http import locations, purchase_orders, skus, stock, stock_documents

LARGE_BODIES = frozenset({"/v1/skus", "/v1/receipts", "/v1/counts", "/v1/adjustments", "/v1/purchase-orders"})
"""Paths whose bodies may have 1 MiB."""

TAGS = {
    "SKUs": "What can be sold, and how it may be sold when nothing is on hand",
    "Locations and suppliers": "Where stock lies, and who brings it",
    "Purchase orders": "What suppliers will bring, and when",
    "Stock documents": "Receipts, returns, counts and adjustments",
    "Stock": "Levels and the ledger that explains them",
}


def routers(use_cases: UseCases) -> list[APIRouter]:
    """All routes of the service."""
    return [
        skus.router(use_cases),
        locations.router(use_cases),
        purchase_orders.router(use_cases),
        stock_documents.router(use_cases),
        stock.router(use_cases),
    ]
