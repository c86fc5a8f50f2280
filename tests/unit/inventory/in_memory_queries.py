"""Inventory's questions, answered from memory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from tests.unit.inventory.in_memory_state import InventoryState

from inventory_service.application.queries import (
    DocumentFilter,
    EntryPosition,
    LedgerFilter,
    LevelPosition,
    PurchaseOrderFilter,
    StoredEntry,
    StoredLevel,
    Versioned,
)
from inventory_service.domain.catalogue import Location, Sku, Supplier
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.purchase_order import PurchaseOrder
from inventory_service.domain.stock_document import StockDocument
from service_kit.persistence.page_lines import within_lines

T = TypeVar("T")


class InMemoryQueries:
    """Implements ``InventoryQueries``."""

    def __init__(self, state: InventoryState) -> None:
        self._state = state

    async def sku(self, sku: str) -> Versioned[Sku] | None:
        return self._state.skus.get(sku)

    async def skus(self, *, category: str | None, after: str | None, limit: int) -> Sequence[Versioned[Sku]]:
        skus = {name: sku for name, sku in self._state.skus.items() if _matches(sku.item.category, category)}
        return _page_of_names(skus, after, limit)

    async def location(self, location_id: str) -> Versioned[Location] | None:
        return self._state.locations.get(location_id)

    async def locations(self, *, after: str | None, limit: int) -> Sequence[Versioned[Location]]:
        return _page_of_names(self._state.locations, after, limit)

    async def supplier(self, supplier_id: str) -> Versioned[Supplier] | None:
        return self._state.suppliers.get(supplier_id)

    async def suppliers(self, *, after: str | None, limit: int) -> Sequence[Versioned[Supplier]]:
        return _page_of_names(self._state.suppliers, after, limit)

    async def levels(
        self, *, skus: Sequence[str], location_id: str | None, after: LevelPosition | None, limit: int
    ) -> Sequence[StoredLevel]:
        found = [
            StoredLevel(
                sku=key.sku,
                location_id=key.location_id,
                on_hand=level.on_hand,
                shipped=level.shipped,
                version=level.version,
                counted_at=level.counted_at,
                updated_at=self._state.updated_at[key],
                location_active=key.location_id not in self._state.locations
                or self._state.locations[key.location_id].item.active,
            )
            for key, level in sorted(self._state.levels.items())
            if (not skus or key.sku in skus)
            and _matches(key.location_id, location_id)
            and (after is None or (key.sku, key.location_id) > after)
        ]
        return found[:limit]

    async def ledger_entries(
        self, wanted: LedgerFilter, *, before: EntryPosition | None, limit: int
    ) -> Sequence[StoredEntry]:
        found = [
            entry
            for entry in sorted(self._state.ledger, key=_position, reverse=True)
            if _matches(entry.sku, wanted.sku)
            and _matches(entry.location_id, wanted.location_id)
            and (wanted.occurred_from is None or entry.occurred_at >= wanted.occurred_from)
            and (wanted.occurred_to is None or entry.occurred_at < wanted.occurred_to)
            and (before is None or _position(entry) < before)
        ]
        return found[:limit]

    async def document(self, document_type: DocumentType, document_id: str) -> StockDocument | None:
        document = self._state.documents.get(document_id)
        return document if document is not None and document.type is document_type else None

    async def documents(
        self, document_type: DocumentType, wanted: DocumentFilter, *, before: str | None, limit: int
    ) -> Sequence[StockDocument]:
        found = [
            document
            for document in _newest_first(self._state.documents, before)
            if document.type is document_type
            and _matches(document.reference, wanted.reference)
            and _matches(document.location_id, wanted.location_id)
            and (wanted.sku is None or any(line.key.sku == wanted.sku for line in document.lines))
        ]
        lines_of = {document.document_id: len(document.lines) for document in found}
        return found[: len(within_lines([document.document_id for document in found[:limit]], lines_of))]

    async def purchase_order(self, purchase_order_id: str) -> PurchaseOrder | None:
        return self._state.purchase_orders.get(purchase_order_id)

    async def purchase_orders(
        self, wanted: PurchaseOrderFilter, *, before: str | None, limit: int
    ) -> Sequence[PurchaseOrder]:
        found = [
            order
            for order in _newest_first(self._state.purchase_orders, before)
            if _matches(order.reference, wanted.reference)
            and _matches(order.supplier_id, wanted.supplier_id)
            and (wanted.sku is None or any(line.sku == wanted.sku for line in order.lines))
            and _matches(any(line.open for line in order.lines), wanted.is_open)
        ]
        lines_of = {order.purchase_order_id: len(order.lines) for order in found}
        return found[: len(within_lines([order.purchase_order_id for order in found[:limit]], lines_of))]


def _matches(value: object, wanted: object | None) -> bool:
    return wanted is None or value == wanted


def _position(entry: StoredEntry) -> EntryPosition:
    return EntryPosition(entry.occurred_at, entry.entry_id)


def _page_of_names(rows: Mapping[str, T], after: str | None, limit: int) -> list[T]:
    return [rows[name] for name in sorted(rows) if after is None or name > after][:limit]


def _newest_first(rows: Mapping[str, T], before: str | None) -> Iterable[T]:
    """Ids grow with time."""
    return [rows[key] for key in sorted(rows, reverse=True) if before is None or key < before]
