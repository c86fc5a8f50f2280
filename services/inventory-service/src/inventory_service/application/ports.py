"""What the handlers need of the database. One object of each port stands for one open transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

from event_contracts import Event, ShippedLine
from inventory_service.application.commands import (
    DocumentType,
    PlacePurchaseOrder,
    RecordStock,
    StockDocument,
)
from inventory_service.domain.catalogue import Location, Sku, Supplier
from inventory_service.domain.purchasing import InboundLine
from inventory_service.domain.stock import LaterMovements, LevelKey, StockLevel


class CountAt(NamedTuple):
    """Asks for the movements of a level after a moment."""

    key: LevelKey
    counted_at: datetime


class DemandLine(NamedTuple):
    """What one order line asks for, as of the order's ``sequence``; ``day`` is the UTC day of the order."""

    order_id: str
    line_id: str
    sku: str
    day: date
    quantity: int
    cancelled: int
    sequence: int


class Publisher(Protocol):
    """Takes events into the transaction's outbox."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish with the commit, in this order. The rows that the events tell of are locked."""


class Stock(Publisher, Protocol):
    """Levels, ledger, documents and shipments."""

    async def unknown_skus(self, skus: Collection[str]) -> set[str]:
        """Those of ``skus`` that do not exist."""

    async def unknown_locations(self, location_ids: Collection[str]) -> set[str]:
        """Those of ``location_ids`` that do not exist."""

    async def lock_levels(self, keys: Collection[LevelKey]) -> dict[LevelKey, StockLevel]:
        """The levels (made at zero where missing), locked in the order of their keys."""

    async def priorities(self, location_ids: Collection[str]) -> dict[str, int]:
        """The ranks of the known locations, read after the levels are locked: whoever ranks a location
        anew locks its levels too, so the newest version of a level carries the newest rank."""

    async def save_levels(self, levels: Collection[StockLevel], recorded_at: datetime) -> None:
        """Store the levels and append their ledger entries."""

    async def later_movements(self, counts: Sequence[CountAt]) -> list[LaterMovements]:
        """For each count what moved after it, in the same order."""

    async def claim_references(self, commands: Sequence[RecordStock], recorded_at: datetime) -> set[str]:
        """Store the documents' heads; returns the ids of those whose reference was free."""

    async def holders(self, doc_type: DocumentType, references: Collection[str]) -> dict[str, str]:
        """The document ids that hold the references."""

    async def withdraw(self, document_ids: Collection[str]) -> None:
        """Remove heads that were claimed in this transaction and cannot be carried out."""

    async def store_lines(self, documents: Sequence[StockDocument]) -> None:
        """Store the documents' lines."""

    async def inbound_lines(self, line_ids: Collection[str], *, lock: bool = False) -> dict[str, InboundLine]:
        """The purchase-order lines that exist; locked in the order of their ids where asked."""

    async def save_inbound(self, lines: Collection[InboundLine], recorded_at: datetime) -> None:
        """Store changed purchase-order lines."""

    async def claim_shipments(
        self, shipments: Mapping[tuple[str, str], tuple[str, ShippedLine]], recorded_at: datetime
    ) -> set[tuple[str, str]]:
        """Store shipments by (shipment, line) with their order; returns those that were new."""

    async def save_demand(self, lines: Collection[DemandLine]) -> None:
        """Store order lines as demand, each only where its sequence is newer than the stored one."""


class Purchasing(Publisher, Protocol):
    """Purchase orders."""

    async def unknown_skus(self, skus: Collection[str]) -> set[str]:
        """Those of ``skus`` that do not exist."""

    async def unknown_locations(self, location_ids: Collection[str]) -> set[str]:
        """Those of ``location_ids`` that do not exist."""

    async def unknown_suppliers(self, supplier_ids: Collection[str]) -> set[str]:
        """Those of ``supplier_ids`` that do not exist."""

    async def claim_orders(self, commands: Sequence[PlacePurchaseOrder], recorded_at: datetime) -> set[str]:
        """Store the orders' heads; returns the ids of those whose reference was free."""

    async def order_holders(self, references: Collection[str]) -> dict[str, str]:
        """The purchase orders that hold the references."""

    async def order_version(self, purchase_order_id: str) -> int:
        """The sum of the versions of the order's lines; see PurchaseOrder.version."""

    async def store_inbound(self, lines: Sequence[InboundLine], recorded_at: datetime) -> None:
        """Store the lines of new purchase orders."""

    async def inbound_lines(self, line_ids: Collection[str], *, lock: bool = False) -> dict[str, InboundLine]:
        """The purchase-order lines that exist; locked in the order of their ids where asked."""

    async def save_inbound(self, lines: Collection[InboundLine], recorded_at: datetime) -> None:
        """Store changed purchase-order lines."""


class StoredVersion(NamedTuple):
    """What an upsert did: the version after it, and whether it made or changed the row."""

    version: int
    created: bool
    changed: bool


class Catalogue(Publisher, Protocol):
    """SKUs, locations and suppliers."""

    async def lock_version(self, what: str, row_id: str) -> int | None:
        """The version of the ``sku``, ``location`` or ``supplier``, locked; None where there is none."""

    async def put_skus(self, skus: Sequence[Sku], now: datetime) -> dict[str, StoredVersion]:
        """Make or change the SKUs, in the order of their names; what stands already keeps its version."""

    async def priorities(self, location_ids: Collection[str]) -> dict[str, int]:
        """The ranks of the known locations."""

    async def put_location(self, location: Location, now: datetime) -> StoredVersion:
        """Make or change the location."""

    async def put_supplier(self, supplier: Supplier, now: datetime) -> StoredVersion:
        """Make or change the supplier."""

    async def touch_levels_at(self, location_id: str, now: datetime) -> list[StockLevel]:
        """Give every level at the location a new version, since it is ranked anew; returns them."""
