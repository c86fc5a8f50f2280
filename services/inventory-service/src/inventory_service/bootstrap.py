"""The one place that wires the inventory service."""

from __future__ import annotations

from dataclasses import dataclass

from inventory_service.adapters.sql_unit_of_work import SqlInventoryUnitOfWork
from inventory_service.application.add_purchase_order_lines import AddPurchaseOrderLine, add_purchase_order_lines
from inventory_service.application.place_purchase_orders import PlacePurchaseOrder, place_purchase_orders
from inventory_service.application.record_adjustments import RecordAdjustment, record_adjustments
from inventory_service.application.record_counts import RecordCount, record_counts
from inventory_service.application.record_receipts import RecordReceipt, record_receipts
from inventory_service.application.record_supplier_returns import RecordSupplierReturn, record_supplier_returns
from inventory_service.config import InventorySettings
from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine
from inventory_service.domain.stock_document import StockDocument
from service_kit.commands.command_batcher import CommandBatcher
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class InventoryApplication:
    """What the entrypoints use.

    Commands that create something are submitted to the batcher of their kind. Each kind has one of its own: counts
    read the stored movements of a level, so they must not share a batch with receipts or adjustments of that level.
    """

    settings: InventorySettings
    clock: Clock
    database: Database
    units: SqlUnitOfWorkFactory[SqlInventoryUnitOfWork]
    receipts: CommandBatcher[RecordReceipt, StockDocument]
    counts: CommandBatcher[RecordCount, StockDocument]
    adjustments: CommandBatcher[RecordAdjustment, StockDocument]
    supplier_returns: CommandBatcher[RecordSupplierReturn, StockDocument]
    purchase_orders: CommandBatcher[PlacePurchaseOrder, PurchaseOrder]
    purchase_order_lines: CommandBatcher[AddPurchaseOrderLine, PurchaseOrderLine]


def wire(
    settings: InventorySettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> InventoryApplication:
    """The application with these settings, by default those of the environment; tests give a clock or a database."""
    settings = settings or InventorySettings()
    clock = clock or SystemClock()
    database = database or Database(
        settings.database_url,
        pool_size=settings.pool_size,
        application_name="inventory-service",
        idle_in_transaction=settings.idle_in_transaction,
    )
    units = SqlUnitOfWorkFactory(database, SqlInventoryUnitOfWork, clock)
    return InventoryApplication(
        settings=settings,
        clock=clock,
        database=database,
        units=units,
        receipts=CommandBatcher.on(units, record_receipts),
        counts=CommandBatcher.on(units, record_counts),
        adjustments=CommandBatcher.on(units, record_adjustments),
        supplier_returns=CommandBatcher.on(units, record_supplier_returns),
        purchase_orders=CommandBatcher.on(units, place_purchase_orders),
        purchase_order_lines=CommandBatcher.on(units, add_purchase_order_lines),
    )
