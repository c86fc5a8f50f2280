"""Inventory's stores in memory: what the ports promise, without a database. One suite runs on these and on SQL."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from tests.unit.inventory.in_memory_queries import InMemoryQueries
from tests.unit.inventory.in_memory_state import InventoryState

from inventory_service.application.ports import StoredVersion
from inventory_service.application.queries import StoredEntry, Versioned
from inventory_service.domain.catalogue import Location, LocationTerms, MergedName, Sku, Supplier
from inventory_service.domain.customer_orders import DemandLine, ShipmentLine, ShipmentLineId
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine
from inventory_service.domain.stock_document import RecordedLine, StatedDocument, StockDocument
from inventory_service.domain.stock_level import (
    BookedShipment,
    CountAt,
    EntryKind,
    LaterMovements,
    LedgerEntry,
    LevelKey,
    StockLevel,
)
from service_kit.runtime.believed_time import believed
from service_kit.runtime.clock import Clock
from service_kit.testing.in_memory_unit_of_work import InMemoryUnitOfWork, InMemoryUnitOfWorkFactory

T = TypeVar("T")


class InMemoryCatalogue:
    """Implements ``Catalogue``."""

    def __init__(self, state: InventoryState, now: datetime) -> None:
        self._state = state
        self._now = now

    async def unusable_skus(self, skus: Collection[str]) -> dict[str, str | None]:
        merged = await self.merged_names(skus)
        unknown: dict[str, str | None] = dict.fromkeys(set(skus) - self._state.skus.keys())
        return unknown | {name: one.sku for name, one in merged.items()}

    async def merged_names(self, skus: Collection[str]) -> dict[str, MergedName]:
        known = {name: self._state.skus[name].item.merged_into for name in skus if name in self._state.skus}
        return {name: MergedName(into, self._state.merged_at[name]) for name, into in known.items() if into}

    async def merge(self, sku: str, into: str) -> set[str]:
        names = {name for name, one in self._state.skus.items() if sku in (name, one.item.merged_into)}
        for name in names:
            one = self._state.skus[name]
            self._state.skus[name] = Versioned(replace(one.item, merged_into=into), one.version + 1)
            self._state.merged_at.setdefault(name, self._now)
        return names

    async def unknown_suppliers(self, supplier_ids: Collection[str]) -> set[str]:
        return set(supplier_ids) - self._state.suppliers.keys()

    async def location_terms(self, location_ids: Collection[str]) -> dict[str, LocationTerms]:
        locations = self._state.locations
        return {key: locations[key].item.terms for key in location_ids if key in locations}

    async def lock_skus(self, skus: Collection[str]) -> dict[str, Versioned[Sku]]:
        return {sku: self._state.skus[sku] for sku in sorted(skus) if sku in self._state.skus}

    async def lock_location(self, location_id: str) -> Versioned[Location] | None:
        return self._state.locations.get(location_id)

    async def lock_supplier(self, supplier_id: str) -> int | None:
        return _version(self._state.suppliers.get(supplier_id))

    async def put_skus(self, skus: Sequence[Sku]) -> dict[str, StoredVersion]:
        return {sku.sku: _put(self._state.skus, sku.sku, sku) for sku in skus}

    async def put_location(self, location: Location) -> StoredVersion:
        return _put(self._state.locations, location.location_id, location)

    async def put_supplier(self, supplier: Supplier) -> StoredVersion:
        return _put(self._state.suppliers, supplier.supplier_id, supplier)


def _version(stored: Versioned[T] | None) -> int | None:
    return None if stored is None else stored.version


def _put(rows: dict[str, Versioned[T]], name: str, item: T) -> StoredVersion:
    before = rows.get(name)
    if before is not None and before.item == item:
        return StoredVersion(before.version, created=False, changed=False)
    rows[name] = Versioned(item, 1 if before is None else before.version + 1)
    return StoredVersion(rows[name].version, created=before is None, changed=True)


class InMemoryStockLevels:
    """Implements ``StockLevels``."""

    def __init__(self, state: InventoryState, now: datetime) -> None:
        self._state = state
        self._now = now

    async def lock(self, keys: Collection[LevelKey]) -> dict[LevelKey, StockLevel]:
        for key in keys:
            if key not in self._state.levels:
                self._store(StockLevel(key))
        return {key: self._believed(self._state.levels[key]) for key in sorted(keys)}

    async def lock_of_skus(self, skus: Collection[str]) -> dict[LevelKey, StockLevel]:
        places = {key.location_id for key in self._state.levels if key.sku in skus}
        return await self.lock([LevelKey(sku, place) for sku in skus for place in places])

    async def save(self, levels: Collection[StockLevel]) -> None:
        for level in levels:
            self._store(level)
            for entry in level.entries:
                self._append(entry)

    async def booked_shipments(self, lines: Collection[ShipmentLine]) -> dict[ShipmentLineId, BookedShipment]:
        booked = {}
        for line in lines:
            skus = self._state.skus.values()
            names = {line.key.sku, *(one.item.sku for one in skus if one.item.merged_into == line.key.sku)}
            here = [one for one in self._state.ledger if one.location_id == line.key.location_id]
            ledger = [one for one in here if one.sku in names]
            counted = max((one.entry_id for one in ledger if one.kind is EntryKind.COUNT), default=0)
            own = [one for one in ledger if (one.document_id, one.line_id) == line.identity]
            found = sum(one.on_hand_delta for one in own if one.kind is EntryKind.FOUND and one.entry_id > counted)
            moments = [one.occurred_at for one in own if one.kind is EntryKind.SHIPMENT]
            if moments:
                booked[line.identity] = BookedShipment(moments[0], found)
        return booked

    async def later_movements(self, counts: Sequence[CountAt]) -> list[LaterMovements]:
        return [self._later(count) for count in counts]

    async def raise_versions_at(self, location_id: str) -> list[StockLevel]:
        raised = []
        for key in sorted(
            key for key in self._state.levels if key.location_id == location_id and not self._state.levels[key].merged
        ):
            level = self._state.levels[key]
            self._store(replace(level, version=level.version + 1))
            raised.append(replace(self._state.levels[key], entries=[]))
        return raised

    def _believed(self, level: StockLevel) -> StockLevel:
        counted_at = None if level.counted_at is None else believed(level.counted_at, self._state.updated_at[level.key])
        return replace(level, counted_at=counted_at, entries=[])

    def _store(self, level: StockLevel) -> None:
        self._state.levels[level.key] = replace(level, entries=[])
        self._state.updated_at[level.key] = self._now

    def _append(self, entry: LedgerEntry) -> None:
        self._state.ledger.append(
            StoredEntry(
                entry_id=len(self._state.ledger) + 1,
                sku=entry.key.sku,
                location_id=entry.key.location_id,
                kind=entry.kind,
                on_hand_delta=entry.on_hand_delta,
                shipped_delta=entry.shipped_delta,
                on_hand_after=entry.on_hand_after,
                shipped_after=entry.shipped_after,
                version=entry.version,
                occurred_at=entry.occurred_at,
                recorded_at=self._now,
                document_id=entry.source.document_id,
                line_id=entry.source.line_id,
                reason=entry.source.reason,
            )
        )

    def _later(self, count: CountAt) -> LaterMovements:
        moved = [
            entry
            for entry in self._state.ledger
            if LevelKey(entry.sku, entry.location_id) == count.key
            and entry.occurred_at > count.counted_at
            and entry.recorded_at > count.counted_at
            and entry.kind not in (EntryKind.FOUND, EntryKind.COUNT)
        ]
        total, lowest = 0, 0
        for entry in sorted(moved, key=lambda entry: (entry.occurred_at, entry.entry_id)):
            total += entry.on_hand_delta
            lowest = min(lowest, total)
        return LaterMovements(total, lowest)


class InMemoryStockDocuments:
    """Implements ``StockDocuments``."""

    def __init__(self, state: InventoryState, now: datetime) -> None:
        self._state = state
        self._now = now

    async def claim(self, documents: Sequence[StatedDocument]) -> set[str]:
        claimed = set()
        for document in documents:
            if not await self.holders(document.type, [document.reference]):
                self._state.documents[document.document_id] = _head(document, self._now)
                claimed.add(document.document_id)
        return claimed

    async def holders(self, document_type: DocumentType, references: Collection[str]) -> dict[str, str]:
        return {
            document.reference: document.document_id
            for document in self._state.documents.values()
            if document.type is document_type and document.reference in references
        }

    async def withdraw(self, document_ids: Collection[str]) -> None:
        for document_id in document_ids:
            del self._state.documents[document_id]

    async def add_lines(self, documents: Sequence[StockDocument]) -> None:
        for document in documents:
            head = self._state.documents[document.document_id]
            self._state.documents[document.document_id] = replace(head, lines=document.lines)

    async def lock_line(self, document_id: str, line_no: int) -> RecordedLine | None:
        document = self._state.documents.get(document_id)
        lines = document.lines if document is not None else ()
        return next((line for line in lines if line.line_no == line_no), None)

    async def link_line(self, document_id: str, line_no: int, purchase_order_line_id: str) -> None:
        document = self._state.documents[document_id]
        self._state.documents[document_id] = document.linked(line_no, purchase_order_line_id)


def _head(document: StatedDocument, recorded_at: datetime) -> StockDocument:
    return StockDocument(
        document_id=document.document_id,
        type=document.type,
        reference=document.reference,
        location_id=document.location_id,
        kind=document.kind,
        reason=document.reason,
        occurred_at=document.occurred_at,
        recorded_at=recorded_at,
        lines=(),
    )


class InMemoryPurchaseOrders:
    """Implements ``PurchaseOrders``."""

    def __init__(self, state: InventoryState, now: datetime) -> None:
        self._orders = state.purchase_orders
        self._now = now

    async def claim(self, orders: Sequence[PurchaseOrder]) -> set[str]:
        claimed = set()
        for order in orders:
            if not await self.holders([order.reference]):
                self._orders[order.purchase_order_id] = replace(order, created_at=self._now, lines=())
                claimed.add(order.purchase_order_id)
        return claimed

    async def holders(self, references: Collection[str]) -> dict[str, str]:
        return {
            order.reference: order.purchase_order_id for order in self._orders.values() if order.reference in references
        }

    async def add_lines(self, orders: Sequence[PurchaseOrder]) -> None:
        for order in orders:
            head = self._orders[order.purchase_order_id]
            self._orders[order.purchase_order_id] = replace(head, lines=order.lines)

    async def lock_orders(self, purchase_order_ids: Collection[str]) -> dict[str, PurchaseOrder]:
        return {order_id: self._orders[order_id] for order_id in sorted(purchase_order_ids) if order_id in self._orders}

    async def append_lines(self, lines: Sequence[tuple[int, PurchaseOrderLine]]) -> None:
        for number, line in lines:
            order = self._orders[line.purchase_order_id]
            if number != len(order.lines) + 1:
                raise ValueError(f"line {number} of a purchase order with {len(order.lines)} lines")
            self._orders[order.purchase_order_id] = replace(order, lines=(*order.lines, line))

    async def lines(self, line_ids: Collection[str]) -> dict[str, PurchaseOrderLine]:
        return {line.line_id: line for line in self._lines() if line.line_id in line_ids}

    async def lock_lines(self, line_ids: Collection[str]) -> dict[str, PurchaseOrderLine]:
        return dict(sorted((await self.lines(line_ids)).items()))

    async def save_lines(self, lines: Collection[PurchaseOrderLine]) -> None:
        changed = {line.line_id: line for line in lines}
        for order_id in {line.purchase_order_id for line in lines}:
            order = self._orders[order_id]
            self._orders[order_id] = replace(
                order, lines=tuple(changed.get(line.line_id, line) for line in order.lines)
            )

    async def rename_lines(self, sku: str, into: str) -> list[PurchaseOrderLine]:
        lines = [replace(line, sku=into, version=line.version + 1) for line in self._lines() if line.sku == sku]
        await self.save_lines(lines)
        return lines

    async def version(self, purchase_order_id: str) -> int:
        order = self._orders.get(purchase_order_id)
        return 0 if order is None else order.version

    def _lines(self) -> Iterable[PurchaseOrderLine]:
        return (line for order in self._orders.values() for line in order.lines)


class InMemoryShipments:
    """Implements ``Shipments``."""

    def __init__(self, state: InventoryState, now: datetime) -> None:
        self._shipments, self._stored_at = state.shipments, state.shipments_stored_at
        self._now = now

    async def add_new(self, lines: Collection[ShipmentLine]) -> set[ShipmentLineId]:
        new = {line.identity: replace(line, voided_at=None) for line in lines if line.identity not in self._shipments}
        told = sorted((line.reported_at, line.identity) for line in new.values() if line.reported_at is not None)
        kept = {identity for _, identity in (*told[:1], *told[-1:])}
        new = {one: line if one in kept else replace(line, reported_at=None) for one, line in new.items()}
        self._shipments.update(new)
        self._stored_at.update(dict.fromkeys(new, self._now))
        return set(new)

    async def recent_delays(self) -> list[timedelta]:
        stored = sorted((at, identity) for identity, at in self._stored_at.items())
        recent = [(at, one) for at, one in stored if self._now - timedelta(days=1) < at < self._now]
        reported = [(at, self._shipments[one].reported_at) for at, one in recent]
        return [at - reported_at for at, reported_at in reported if reported_at is not None][-1000:]

    async def void_new(self, lines: Collection[ShipmentLine]) -> list[ShipmentLine]:
        new = {line.identity: line for line in lines if self._shipments[line.identity].voided_at is None}
        for identity, line in new.items():
            self._shipments[identity] = replace(self._shipments[identity], voided_at=line.voided_at)
        return [self._shipments[identity] for identity in new]


class InMemoryDemand:
    """Implements ``Demand``."""

    def __init__(self, state: InventoryState) -> None:
        self._demand = state.demand

    async def save(self, lines: Collection[DemandLine]) -> None:
        for line in lines:
            known = self._demand.get((line.order_id, line.line_id))
            if known is None or known.sequence < line.sequence:
                day = line.day if known is None else min(known.day, line.day)
                self._demand[line.order_id, line.line_id] = replace(line, day=day)


class InMemoryInventoryUnitOfWork(InMemoryUnitOfWork):
    """Implements ``InventoryUnitOfWork``."""

    def __init__(self, state: InventoryState, now: datetime) -> None:
        super().__init__(now)
        self.catalogue = InMemoryCatalogue(state, now)
        self.levels = InMemoryStockLevels(state, now)
        self.documents = InMemoryStockDocuments(state, now)
        self.purchase_orders = InMemoryPurchaseOrders(state, now)
        self.shipments = InMemoryShipments(state, now)
        self.demand = InMemoryDemand(state)
        self.queries = InMemoryQueries(state)


InMemoryUnits = InMemoryUnitOfWorkFactory[InventoryState, InMemoryInventoryUnitOfWork]


def in_memory_units(clock: Clock | None = None) -> InMemoryUnits:
    """Units of work on an empty state."""
    return InMemoryUnitOfWorkFactory(InventoryState(), InMemoryInventoryUnitOfWork, clock)
