"""What the use cases need of the database: one unit of work with a store for each kind of data."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from inventory_service.application.queries import InventoryQueries, Versioned
from inventory_service.domain.catalogue import Location, LocationTerms, MergedName, Sku, Supplier
from inventory_service.domain.customer_orders import DemandLine, ShipmentLine, ShipmentLineId
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine
from inventory_service.domain.stock_document import RecordedLine, StatedDocument, StockDocument
from inventory_service.domain.stock_level import BookedShipment, CountAt, LaterMovements, LevelKey, StockLevel
from service_kit.persistence.unit_of_work import UnitOfWork


class StoredVersion(NamedTuple):
    """The result of a put: the version after it, and whether the row was created or changed (a created one is both)."""

    version: int
    created: bool
    changed: bool


class Catalogue(Protocol):
    """SKUs, locations and suppliers."""

    async def unusable_skus(self, skus: Collection[str]) -> dict[str, str | None]:
        """Those of ``skus`` that do not exist, and those that were merged, with what they are called now.

        None of the others is merged before the unit of work ends.
        """

    async def merged_names(self, skus: Collection[str]) -> dict[str, MergedName]:
        """What those of ``skus`` that were merged are called now; no other is merged before the unit of work ends."""

    async def merge(self, sku: str, into: str) -> set[str]:
        """Let ``sku``, which is locked, and every name that was merged into it, be called ``into``; returns the names.

        A merge is a change of the SKU: it raises its version.
        """

    async def unknown_suppliers(self, supplier_ids: Collection[str]) -> set[str]:
        """Those of ``supplier_ids`` that do not exist."""

    async def location_terms(self, location_ids: Collection[str]) -> dict[str, LocationTerms]:
        """The terms of those locations that exist.

        To publish them, read them after locking the levels that they are published with: whoever changes the terms of
        a location locks its levels too, so the newest version of a level is published with the newest terms.
        """

    async def lock_skus(self, skus: Collection[str]) -> dict[str, Versioned[Sku]]:
        """Lock those SKUs that exist, in the order of their names; returns them as they are."""

    async def lock_location(self, location_id: str) -> Versioned[Location] | None:
        """Lock the location; None if it does not exist."""

    async def lock_supplier(self, supplier_id: str) -> int | None:
        """Lock the supplier; its version, or None if it does not exist."""

    async def put_skus(self, skus: Sequence[Sku]) -> dict[str, StoredVersion]:
        """Create or replace SKUs, locking them in the order of their names; one that is the same keeps its version."""

    async def put_location(self, location: Location) -> StoredVersion:
        """Create or replace a location; one that is the same keeps its version."""

    async def put_supplier(self, supplier: Supplier) -> StoredVersion:
        """Create or replace a supplier; one that is the same keeps its version."""


class StockLevels(Protocol):
    """Stock levels and their append-only ledger."""

    async def lock(self, keys: Collection[LevelKey]) -> dict[LevelKey, StockLevel]:
        """The levels, locked in the order of their keys; those that do not exist are created at zero, version 0."""

    async def lock_of_skus(self, skus: Collection[str]) -> dict[LevelKey, StockLevel]:
        """All levels of these SKUs, locked in the order of their keys; each SKU has one wherever another has one."""

    async def save(self, levels: Collection[StockLevel]) -> None:
        """Store locked levels and append their new entries to the ledger."""

    async def booked_shipments(self, lines: Collection[ShipmentLine]) -> dict[ShipmentLineId, BookedShipment]:
        """How each of these stored lines was taken off its level, or off that of a SKU which was merged into its own;
        found units only if no count replaced them since."""

    async def later_movements(self, counts: Sequence[CountAt]) -> list[LaterMovements]:
        """For each count, in the same order, the stored movements after it; see LaterMovements."""

    async def raise_versions_at(self, location_id: str) -> list[StockLevel]:
        """Give every level at the location that is not merged its next version; returns them as they are then."""


class StockDocuments(Protocol):
    """Receipts, counts, adjustments and supplier returns."""

    async def claim(self, documents: Sequence[StatedDocument]) -> set[str]:
        """Store those documents, still without lines, whose reference is free within their type; returns their ids.

        Of several with one reference the first is stored. References are locked in their order.
        """

    async def holders(self, document_type: DocumentType, references: Collection[str]) -> dict[str, str]:
        """The id of the document that has each reference."""

    async def withdraw(self, document_ids: Collection[str]) -> None:
        """Remove documents that were claimed in this unit of work and are refused after all."""

    async def add_lines(self, documents: Sequence[StockDocument]) -> None:
        """Store the lines of claimed documents."""

    async def lock_line(self, document_id: str, line_no: int) -> RecordedLine | None:
        """The line of a recorded document, locked; None if there is none."""

    async def link_line(self, document_id: str, line_no: int, purchase_order_line_id: str) -> None:
        """Let the line, which is locked, name a purchase-order line."""


class PurchaseOrders(Protocol):
    """Purchase orders and their lines."""

    async def claim(self, orders: Sequence[PurchaseOrder]) -> set[str]:
        """Store those orders, still without lines, whose reference is free; returns their ids.

        Of several with one reference the first is stored. References are locked in their order.
        """

    async def holders(self, references: Collection[str]) -> dict[str, str]:
        """The id of the purchase order that has each reference."""

    async def add_lines(self, orders: Sequence[PurchaseOrder]) -> None:
        """Store the lines of claimed orders."""

    async def lock_orders(self, purchase_order_ids: Collection[str]) -> dict[str, PurchaseOrder]:
        """Those orders that exist, by id, locked in the order of their ids, and then their lines likewise."""

    async def append_lines(self, lines: Sequence[tuple[int, PurchaseOrderLine]]) -> None:
        """Store new lines of locked orders, each with its number within its order."""

    async def lines(self, line_ids: Collection[str]) -> dict[str, PurchaseOrderLine]:
        """Those lines that exist, by id."""

    async def lock_lines(self, line_ids: Collection[str]) -> dict[str, PurchaseOrderLine]:
        """Those lines that exist, by id, locked in the order of their ids."""

    async def save_lines(self, lines: Collection[PurchaseOrderLine]) -> None:
        """Store changed lines, which are locked."""

    async def rename_lines(self, sku: str, into: str) -> list[PurchaseOrderLine]:
        """Let all lines that order ``sku`` order ``into``; returns them, each with its next version."""

    async def version(self, purchase_order_id: str) -> int:
        """See PurchaseOrder.version; 0 if there is no such order."""


class Shipments(Protocol):
    """The shipped units of customer orders, kept for ever so that they count once however late they are repeated."""

    async def add_new(self, lines: Collection[ShipmentLine]) -> set[ShipmentLineId]:
        """Store the lines that are not known yet, as shipped; returns their identities.

        Of these only the promptest and the slowest keep when they were reported (``recent_delays``).
        """

    async def void_new(self, lines: Collection[ShipmentLine]) -> list[ShipmentLine]:
        """Store that these known lines were voided; returns those that were not before, as they are stored."""

    async def recent_delays(self) -> list[timedelta]:
        """How long after they were reported the lines of the past day that tell it were stored, the last thousand.

        They are two of each batch, so that a backlog of any length outweighs nothing that came promptly before it.
        """


class Demand(Protocol):
    """The demand of order lines, from which the demand history of each day follows."""

    async def save(self, lines: Collection[DemandLine]) -> None:
        """Store each line unless what is stored of it has the same or a newer sequence."""


class InventoryUnitOfWork(UnitOfWork, Protocol):
    """One transaction of inventory.

    Every use case locks in the same order, so that no two of them wait for each other: rows of the catalogue, demand,
    shipments, levels by key, references of documents, lines of documents, purchase orders by id, their lines by id.
    """

    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def levels(self) -> StockLevels: ...
    @property
    def documents(self) -> StockDocuments: ...
    @property
    def purchase_orders(self) -> PurchaseOrders: ...
    @property
    def shipments(self) -> Shipments: ...
    @property
    def demand(self) -> Demand: ...
    @property
    def queries(self) -> InventoryQueries: ...
