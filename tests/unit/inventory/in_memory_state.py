"""What inventory's stores in memory hold."""

from dataclasses import dataclass, field
from datetime import datetime

from inventory_service.application.queries import StoredEntry, Versioned
from inventory_service.domain.catalogue import Location, Sku, Supplier
from inventory_service.domain.customer_orders import DemandLine, ShipmentLine, ShipmentLineId
from inventory_service.domain.purchase_order import PurchaseOrder
from inventory_service.domain.stock_document import StockDocument
from inventory_service.domain.stock_level import LevelKey, StockLevel


@dataclass
class InventoryState:
    """Everything that is stored. ``updated_at`` is when each level was last stored."""

    skus: dict[str, Versioned[Sku]] = field(default_factory=dict)
    merged_at: dict[str, datetime] = field(default_factory=dict)
    locations: dict[str, Versioned[Location]] = field(default_factory=dict)
    suppliers: dict[str, Versioned[Supplier]] = field(default_factory=dict)
    levels: dict[LevelKey, StockLevel] = field(default_factory=dict)
    updated_at: dict[LevelKey, datetime] = field(default_factory=dict)
    ledger: list[StoredEntry] = field(default_factory=list)
    documents: dict[str, StockDocument] = field(default_factory=dict)
    purchase_orders: dict[str, PurchaseOrder] = field(default_factory=dict)
    shipments: dict[ShipmentLineId, ShipmentLine] = field(default_factory=dict)
    shipments_stored_at: dict[ShipmentLineId, datetime] = field(default_factory=dict)
    demand: dict[tuple[str, str], DemandLine] = field(default_factory=dict)
