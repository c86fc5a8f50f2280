"""The unit of work on PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from inventory_service.adapters.sql_catalogue import SqlCatalogue
from inventory_service.adapters.sql_customer_orders import SqlDemand, SqlShipments
from inventory_service.adapters.sql_purchase_orders import SqlPurchaseOrders
from inventory_service.adapters.sql_queries import SqlInventoryQueries
from inventory_service.adapters.sql_stock_documents import SqlStockDocuments
from inventory_service.adapters.sql_stock_levels import SqlStockLevels
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork


class SqlInventoryUnitOfWork(SqlUnitOfWork):
    """Implements ``InventoryUnitOfWork``; the stores record ``now`` as the time of every change."""

    def __init__(
        self, connection: AsyncConnection, now: datetime, commit: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        super().__init__(connection, now, commit)
        self.catalogue = SqlCatalogue(connection, now)
        self.levels = SqlStockLevels(connection, now)
        self.documents = SqlStockDocuments(connection, now)
        self.purchase_orders = SqlPurchaseOrders(connection, now)
        self.shipments = SqlShipments(connection, now)
        self.demand = SqlDemand(connection)
        self.queries = SqlInventoryQueries(connection)
