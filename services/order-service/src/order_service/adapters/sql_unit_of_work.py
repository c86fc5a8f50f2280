"""The order service's unit of work on PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.adapters.payments.sql_payment_store import SqlPaymentStore
from order_service.adapters.promises.sql_promise_store import SqlPromiseStore
from order_service.adapters.sql_order_lines import SqlOrderLineStore
from order_service.adapters.sql_orders import SqlOrderStore
from order_service.adapters.sql_queries import SqlOrderQueries
from order_service.adapters.sql_shipments import SqlShipmentStore
from order_service.adapters.sql_skus import SqlSkuStore
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork


class SqlOrderUnitOfWork(SqlUnitOfWork):
    """`OrderUnitOfWork` on one connection's transaction."""

    def __init__(
        self, connection: AsyncConnection, now: datetime, commit: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        super().__init__(connection, now, commit)
        self.orders = SqlOrderStore(connection, now)
        self.lines = SqlOrderLineStore(connection, now)
        self.shipments = SqlShipmentStore(connection)
        self.payments = SqlPaymentStore(connection, now)
        self.skus = SqlSkuStore(connection)
        self.promises = SqlPromiseStore(connection, now)
        self.queries = SqlOrderQueries(connection)
