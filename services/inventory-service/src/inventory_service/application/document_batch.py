"""What the use cases share that record stock documents in batches: all of a batch are of one type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from event_contracts import Event
from inventory_service.application.integration_events import stock_changed
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.domain.catalogue import LocationTerms
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.errors import LinesRefused, NameFault, NameKind, NamesRefused, ReferenceTaken
from inventory_service.domain.purchase_order import PurchaseOrderLine
from inventory_service.domain.stock_document import Levels, Posting, StatedDocument, StockDocument

DocumentResult = StockDocument | Exception
"""A recorded document, or why it was refused: NamesRefused, ReferenceTaken or LinesRefused."""


class DocumentBatch:
    """Documents on their way into the stock. A refused one leaves no trace; the others of the batch are recorded.

    The order of its steps is the order in which all who change stock lock rows: levels by key, then references.
    """

    def __init__(self, uow: InventoryUnitOfWork, documents: Sequence[StatedDocument]) -> None:
        self._uow = uow
        self._documents = documents
        self._results: dict[str, DocumentResult] = {}
        self._terms: Mapping[str, LocationTerms] = {}
        self._levels: Levels = {}
        self.po_lines: dict[str, PurchaseOrderLine] = {}
        """The purchase-order lines that the documents name, locked by ``open_with_purchase_orders``. What ``save``
        finds changed, it stores."""
        self._po_lines_before: Mapping[str, PurchaseOrderLine] = {}

    @property
    def unposted(self) -> list[StatedDocument]:
        """The documents that are neither refused nor posted."""
        return [document for document in self._documents if document.document_id not in self._results]

    async def open(self) -> None:
        """Refuse documents that name what does not exist, lock the levels of the others and claim their references."""
        await self._open({})

    async def open_with_purchase_orders(self) -> None:
        """The same for documents that may name purchase-order lines, which are locked too.

        They are read without locks to refuse unknown ones, and locked only after levels and references, as everybody
        does.
        """
        named = _po_line_ids(self.unposted)
        await self._open(await self._uow.purchase_orders.lines(named) if named else {})
        accepted = _po_line_ids(self.unposted)
        self.po_lines = await self._uow.purchase_orders.lock_lines(accepted) if accepted else {}
        self._po_lines_before = dict(self.po_lines)

    async def _open(self, po_lines: Mapping[str, PurchaseOrderLine]) -> None:
        await self._refuse_names(po_lines)
        self._levels = await self._uow.levels.lock({line.key for each in self.unposted for line in each.lines})
        await self._claim_references()
        if self._levels:
            self._terms = await self._uow.catalogue.location_terms({key.location_id for key in self._levels})

    def post(
        self, document: StatedDocument, rule: Callable[[StatedDocument, Levels, datetime], Posting]
    ) -> Posting | None:
        """Post the document by ``rule``, such as post_receipt; None if the stock does not allow it: it is refused."""
        try:
            posting = rule(document, self._levels, self._uow.now)
        except LinesRefused as refusal:
            self._results[document.document_id] = refusal
            return None
        self._results[document.document_id] = posting.document
        return posting

    def events(self, name: str, document: StatedDocument, posting: Posting, reason: str) -> list[Event]:
        """One event for each SKU whose levels were changed, with the purchase-order lines that the document names.

        Call it before the next posting, which may change the same levels again.
        """
        po_lines = self._po_lines_by_sku(document)
        return [
            stock_changed(
                name,
                levels,
                reason=reason,
                occurred_at=posting.document.occurred_at,
                terms=self._terms,
                po_lines=po_lines.get(sku, ()),
            )
            for sku, levels in posting.changed.items()
        ]

    async def save(self) -> list[DocumentResult]:
        """Store the levels, the recorded documents and what changed of their purchase-order lines.

        Returns the result of each document, in the order given.
        """
        refused = [key for key, result in self._results.items() if isinstance(result, LinesRefused)]
        if refused:
            await self._uow.documents.withdraw(refused)
        await self._uow.levels.save([level for level in self._levels.values() if level.entries])
        recorded = [result for result in self._results.values() if isinstance(result, StockDocument)]
        await self._uow.documents.add_lines(recorded)
        before = self._po_lines_before
        await self._uow.purchase_orders.save_lines([one for key, one in self.po_lines.items() if one != before[key]])
        return [self._results[document.document_id] for document in self._documents]

    async def _refuse_names(self, po_lines: Mapping[str, PurchaseOrderLine]) -> None:
        lines = [line for document in self._documents for line in document.lines]
        skus = await self._uow.catalogue.unusable_skus({line.key.sku for line in lines})
        named = {line.key.location_id for line in lines}
        named |= {document.location_id for document in self._documents if document.location_id is not None}
        locations = await self._uow.catalogue.location_terms(named)
        for document in self._documents:
            faults = _faults(document, skus, locations, po_lines)
            if faults:
                self._results[document.document_id] = NamesRefused(faults)

    def _po_lines_by_sku(self, document: StatedDocument) -> dict[str, list[PurchaseOrderLine]]:
        """The purchase-order lines that the document names, as they are now, by SKU in the order of ids."""
        found: dict[str, list[PurchaseOrderLine]] = {}
        for line_id in sorted(_po_line_ids([document])):
            found.setdefault(self.po_lines[line_id].sku, []).append(self.po_lines[line_id])
        return found

    async def _claim_references(self) -> None:
        documents = self.unposted
        claimed = await self._uow.documents.claim(documents)
        lost = [document for document in documents if document.document_id not in claimed]
        if lost:
            holders = await self._uow.documents.holders(lost[0].type, {document.reference for document in lost})
            self._results.update(
                {document.document_id: ReferenceTaken(holders.get(document.reference)) for document in lost}
            )


def _po_line_ids(documents: Sequence[StatedDocument]) -> set[str]:
    """The purchase-order lines that the documents name."""
    named = (line.purchase_order_line_id for document in documents for line in document.lines)
    return {line_id for line_id in named if line_id is not None}


def _faults(
    document: StatedDocument,
    unusable: Mapping[str, str | None],
    locations: Mapping[str, LocationTerms],
    po_lines: Mapping[str, PurchaseOrderLine],
) -> list[NameFault]:
    """The names that ``document`` cannot use; ``locations`` are those that exist."""
    faults = []
    if document.location_id is not None:
        terms = locations.get(document.location_id)
        if terms is None or (document.type is DocumentType.RECEIPT and not terms.active):
            faults.append(NameFault(NameKind.LOCATION, inactive=terms is not None))
    for number, line in enumerate(document.lines):
        if line.names_location and line.key.location_id not in locations:
            faults.append(NameFault(NameKind.LOCATION, number))
        if line.key.sku in unusable:
            faults.append(NameFault(NameKind.SKU, number, merged_into=unusable[line.key.sku]))
        if line.purchase_order_line_id is not None:
            po_line = po_lines.get(line.purchase_order_line_id)
            if po_line is None or po_line.sku != line.key.sku:
                faults.append(NameFault(NameKind.PURCHASE_ORDER_LINE, number, other_sku=po_line is not None))
    return faults
