"""Record receipts: units that arrived from suppliers or customers, or that were there from the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from event_contracts import Event
from inventory_service.application.document_batch import DocumentBatch, DocumentResult
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
    await batch.open_with_purchase_orders()
    events: list[Event] = []
    for document in batch.unposted:
        posting = batch.post(document, post_receipt)
        if posting is not None:
            _deduct(document, batch.po_lines)
            events += batch.events("StockReceived", document, posting, _reason(document))
    results = await batch.save()
    await uow.publish(events)
    return results


def _deduct(document: StatedDocument, po_lines: dict[str, PurchaseOrderLine]) -> None:
    """Deduct the document's units from the purchase-order lines that it names."""
    for line in document.lines:
        if line.purchase_order_line_id is not None:
            po_line = po_lines[line.purchase_order_line_id]
            po_lines[po_line.line_id] = po_line.receive(line.quantity)


def _reason(document: StatedDocument) -> str:
    return "receipt" if document.kind == ReceiptKind.PURCHASE else document.kind
