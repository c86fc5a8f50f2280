"""The questions that inventory answers, and the read models in which it answers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

from inventory_service.domain.catalogue import Location, Sku, Supplier
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.purchase_order import PurchaseOrder
from inventory_service.domain.stock_document import StockDocument
from inventory_service.domain.stock_level import EntryKind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    """An item of the catalogue and its version, which counts the item's changes."""

    item: T
    version: int


@dataclass(frozen=True, slots=True)
class StoredLevel:
    """A stock level as stored; see StockLevel. ``updated_at`` is the wall clock of its last change.

    ``location_active`` is False where nothing is allocated from its location any more.
    """

    sku: str
    location_id: str
    on_hand: int
    shipped: int
    version: int
    counted_at: datetime | None
    updated_at: datetime
    location_active: bool = True

    @property
    def supply(self) -> int:
        """All units that were ever available, including those that have been shipped."""
        return self.on_hand + self.shipped


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A ledger entry as stored; see LedgerEntry. ``entry_id`` grows in the order of recording."""

    entry_id: int
    sku: str
    location_id: str
    kind: EntryKind
    on_hand_delta: int
    shipped_delta: int
    on_hand_after: int
    shipped_after: int
    version: int
    occurred_at: datetime
    recorded_at: datetime
    document_id: str
    line_id: str
    reason: str

    @property
    def supply_delta(self) -> int:
        """By how much the supply changed; 0 for a shipment."""
        return self.on_hand_delta + self.shipped_delta


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which entries: of a SKU, of a location, with a business time from (inclusive) to (exclusive)."""

    sku: str | None = None
    location_id: str | None = None
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents of a type: with a reference, at a location, with a line of a SKU."""

    reference: str | None = None
    location_id: str | None = None
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class PurchaseOrderFilter:
    """Which purchase orders: with a reference, from a supplier, with a line of a SKU, with or without open units."""

    reference: str | None = None
    supplier_id: str | None = None
    sku: str | None = None
    is_open: bool | None = None


class LevelPosition(NamedTuple):
    """The sort key of a level in a listing."""

    sku: str
    location_id: str


class EntryPosition(NamedTuple):
    """The sort key of a ledger entry in a listing."""

    occurred_at: datetime
    entry_id: int


class CatalogueQueries(Protocol):
    """Questions about SKUs, locations and suppliers. Listings are in the order of names, starting behind ``after``."""

    async def sku(self, sku: str) -> Versioned[Sku] | None:
        """The SKU, or None."""

    async def skus(self, *, category: str | None, after: str | None, limit: int) -> Sequence[Versioned[Sku]]:
        """At most ``limit`` SKUs, of one category if it is given."""

    async def location(self, location_id: str) -> Versioned[Location] | None:
        """The location, or None."""

    async def locations(self, *, after: str | None, limit: int) -> Sequence[Versioned[Location]]:
        """At most ``limit`` locations."""

    async def supplier(self, supplier_id: str) -> Versioned[Supplier] | None:
        """The supplier, or None."""

    async def suppliers(self, *, after: str | None, limit: int) -> Sequence[Versioned[Supplier]]:
        """At most ``limit`` suppliers."""


class StockQueries(Protocol):
    """Questions about levels, the ledger, and recorded documents."""

    async def levels(
        self, *, skus: Sequence[str], location_id: str | None, after: LevelPosition | None, limit: int
    ) -> Sequence[StoredLevel]:
        """At most ``limit`` levels by SKU and location, starting behind ``after``; of all SKUs if ``skus`` is empty."""

    async def ledger_entries(
        self, wanted: LedgerFilter, *, before: EntryPosition | None, limit: int
    ) -> Sequence[StoredEntry]:
        """At most ``limit`` entries by business time, newest first, starting behind ``before``."""

    async def document(self, document_type: DocumentType, document_id: str) -> StockDocument | None:
        """The document of this type with its lines, or None."""

    async def documents(
        self, document_type: DocumentType, wanted: DocumentFilter, *, before: str | None, limit: int
    ) -> Sequence[StockDocument]:
        """At most ``limit`` documents of this type, newest first, starting behind the document ``before``."""


class PurchaseOrderQueries(Protocol):
    """Questions about purchase orders."""

    async def purchase_order(self, purchase_order_id: str) -> PurchaseOrder | None:
        """The purchase order with its lines, or None."""

    async def purchase_orders(
        self, wanted: PurchaseOrderFilter, *, before: str | None, limit: int
    ) -> Sequence[PurchaseOrder]:
        """At most ``limit`` purchase orders, newest first, starting behind the order ``before``."""


class InventoryQueries(CatalogueQueries, StockQueries, PurchaseOrderQueries, Protocol):
    """All questions of the service."""
