"""The use cases, each bound to its transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event
from inventory_service.adapters.catalogue import SqlCatalogue
from inventory_service.adapters.purchasing import SqlPurchasing
from inventory_service.adapters.stock import SqlStock
from inventory_service.application.book_orders import book_orders
from inventory_service.application.commands import (
    DocumentType,
    PlacePurchaseOrder,
    PurchaseOrder,
    RecordStock,
    StockDocument,
)
from inventory_service.application.purchase import place_purchase_orders
from inventory_service.application.record_stock import record_stock
from service_kit.commands.command_batcher import CommandBatcher, IdempotencyClaim, Submitted
from service_kit.http.problems import Problem, unavailable
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from service_kit.persistence.database import Database
from service_kit.persistence.transient_errors import is_transient
from service_kit.runtime.clock import Clock

T = TypeVar("T")


class UseCases:
    """What entrypoints call. Creating commands go through a bus for each kind of document; changes of
    single rows run in a transaction of their own."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.clock = clock
        self._database = database
        # A bus for each kind: a count looks at stored movements, so it shares no batch with receipts.
        units = SqlUnitOfWorkFactory(database, SqlUnitOfWork, clock)
        self._stock: dict[DocumentType, CommandBatcher[RecordStock, StockDocument]] = {
            kind: CommandBatcher.on(units, self._record) for kind in DocumentType
        }
        self._orders: CommandBatcher[PlacePurchaseOrder, PurchaseOrder] = CommandBatcher.on(units, self._place)

    async def record(self, command: RecordStock, claim: IdempotencyClaim) -> Submitted[StockDocument]:
        """Record a receipt, count or adjustment; see record_stock."""
        return await self._stock[command.type].submit(command, claim)

    async def place(self, command: PlacePurchaseOrder, claim: IdempotencyClaim) -> Submitted[PurchaseOrder]:
        """Place a purchase order; see place_purchase_orders."""
        return await self._orders.submit(command, claim)

    async def on_catalogue(self, change: Callable[[SqlCatalogue, datetime], Awaitable[T]]) -> T:
        """Run ``change`` on the catalogue in one transaction, with the present moment."""
        async with self._changing() as conn:
            return await change(SqlCatalogue(conn), self.clock.now())

    async def on_purchasing(self, change: Callable[[SqlPurchasing, datetime], Awaitable[T]]) -> T:
        """Run ``change`` on purchase orders in one transaction, with the present moment."""
        async with self._changing() as conn:
            return await change(SqlPurchasing(conn), self.clock.now())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A view of one moment for questions."""
        async with self._database.reading() as conn:
            yield conn

    async def handle_orders(self, conn: AsyncConnection, events: Sequence[Event]) -> None:
        """Handle a batch of order events inside the consumer's transaction; see book_orders."""
        await book_orders(SqlStock(conn), events, self.clock.now())

    async def _record(self, uow: SqlUnitOfWork, commands: Sequence[RecordStock]) -> list[StockDocument | Problem]:
        return await record_stock(SqlStock(uow.connection), commands, self.clock.now())

    async def _place(self, uow: SqlUnitOfWork, commands: Sequence[PlacePurchaseOrder]) -> list[PurchaseOrder | Problem]:
        return await place_purchase_orders(SqlPurchasing(uow.connection), commands, self.clock.now())

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._database.transaction() as conn:
                yield conn
        except Exception as error:
            if is_transient(error):
                raise unavailable() from error
            raise
