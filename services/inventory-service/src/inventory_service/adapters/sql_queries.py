"""All questions on one connection."""

from __future__ import annotations

from inventory_service.adapters.sql_catalogue_queries import SqlCatalogueQueries
from inventory_service.adapters.sql_purchase_order_queries import SqlPurchaseOrderQueries
from inventory_service.adapters.sql_stock_queries import SqlStockQueries


class SqlInventoryQueries(SqlCatalogueQueries, SqlStockQueries, SqlPurchaseOrderQueries):
    """Implements ``InventoryQueries``."""
