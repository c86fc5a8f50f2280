"""Record receipts: units that arrived from suppliers or customers, or that were there from the beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from event_contracts import Event
from inventory_service.application.document_batch import (
    DocumentBatch,
    DocumentResult,
    po_line_ids,
    po_lines_by_sku,
)
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.domain.document_types import DocumentType, ReceiptKind
from inventory_service.domain.purchase_order import PurchaseOrderLine
from inventory_service.domain.stock_document import StatedDocument, StatedLine, post_receipt
from inventory_service.domain.stock_level import LevelKey


@dataclass(frozen=True, slots=True)
class ReceivedLine:
    """Units of a SKU that arrived, and the purchase-order line on which they were ordered, if any."""

    sku: str
    quantity: int
    purchase_order_line_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordReceipt:
    """Record that units arrived at a location. The caller chooses the id.

    ``live``: they arrive now, and nobody states when, so no count can have seen them.
    """

    receipt_id: str
    reference: str
    location_id: str
    kind: ReceiptKind
    received_at: datetime
    lines: tuple[ReceivedLine, ...]
    live: bool = False

    def document(self) -> StatedDocument:
        """The receipt as a stock document."""
        lines = tuple(
            StatedLine(LevelKey(line.sku, self.location_id), line.quantity, line.purchase_order_line_id)
            for line in self.lines
        )
        return StatedDocument(
            document_id=self.receipt_id,
            type=DocumentType.RECEIPT,
            reference=self.reference,
            location_id=self.location_id,
            kind=self.kind.value,
            occurred_at=self.received_at,
            live=self.live,
            lines=lines,
        )


async def record_receipts(uow: InventoryUnitOfWork, commands: Sequence[RecordReceipt]) -> list[DocumentResult]:
    """Add the units to the stock and deduct them from their purchase-order lines.

    Publishes one ``StockReceived`` for each SKU of a receipt, with the level and the purchase-order lines after it.
    Returns the document or the refusal of each command, in the same order; see DocumentResult.
    """
    batch = DocumentBatch(uow, [command.document() for command in commands])
    # Purchase-order lines are read without locks to refuse unknown ones; they are locked only after levels and
    # references, as everybody does.
    named = po_line_ids(batch.unposted)
    await batch.open(await uow.purchase_orders.lines(named) if named else {})
    accepted = po_line_ids(batch.unposted)
    po_lines = await uow.purchase_orders.lock_lines(accepted) if accepted else {}
    before = dict(po_lines)
    events: list[Event] = []
    for document in batch.unposted:
        posting = batch.post(document, post_receipt)
        if posting is not None:
            po_lines_by_sku = _receive(document, po_lines)
            events += batch.events("StockReceived", posting, _reason(document), po_lines_by_sku)
    results = await batch.save()
    await uow.purchase_orders.save_lines([line for line_id, line in po_lines.items() if line != before[line_id]])
    await uow.publish(events)
    return results


def _receive(document: StatedDocument, po_lines: dict[str, PurchaseOrderLine]) -> Mapping[str, list[PurchaseOrderLine]]:
    """Deduct the document's units from ``po_lines``; returns those it names by SKU, in the order of their ids."""
    for line in document.lines:
        if line.purchase_order_line_id is not None:
            po_line = po_lines[line.purchase_order_line_id]
            po_lines[po_line.line_id] = po_line.receive(line.quantity)
    return po_lines_by_sku(document, po_lines)


def _reason(document: StatedDocument) -> str:
    return "receipt" if document.kind == ReceiptKind.PURCHASE else document.kind
