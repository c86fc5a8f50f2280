"""Record supplier returns: received units that went back to the supplier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from event_contracts import Event
from inventory_service.application.document_batch import DocumentBatch, DocumentResult
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.errors import BeyondReceived, BrokenLine, LinesRefused
from inventory_service.domain.purchase_order import PurchaseOrderLine
from inventory_service.domain.stock_document import (
    Levels,
    Posting,
    StatedDocument,
    StatedLine,
    post_supplier_return,
)
from inventory_service.domain.stock_level import LevelKey


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """Units of a SKU that went back, and the purchase-order line on which the supplier is to deliver them again."""

    sku: str
    quantity: int
    purchase_order_line_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordSupplierReturn:
    """Record units that went back to their supplier. The caller chooses the id.

    ``live``: they go now, and nobody states when, so no count can have seen them go.
    """

    supplier_return_id: str
    reference: str
    location_id: str
    reason: str
    returned_at: datetime
    lines: tuple[ReturnedLine, ...]
    live: bool = False

    def document(self) -> StatedDocument:
        """The return as a stock document."""
        lines = tuple(
            StatedLine(LevelKey(line.sku, self.location_id), line.quantity, line.purchase_order_line_id)
            for line in self.lines
        )
        return StatedDocument(
            document_id=self.supplier_return_id,
            type=DocumentType.SUPPLIER_RETURN,
            reference=self.reference,
            location_id=self.location_id,
            kind=DocumentType.SUPPLIER_RETURN.value,
            occurred_at=self.returned_at,
            live=self.live,
            lines=lines,
            reason=self.reason,
        )


async def record_supplier_returns(
    uow: InventoryUnitOfWork, commands: Sequence[RecordSupplierReturn]
) -> list[DocumentResult]:
    """Take the units from the stock and expect them once more on the purchase-order lines that are named.

    Publishes one ``StockLevelChanged`` for each SKU of a return, with the level and the purchase-order lines after it:
    the fall of the one and the rise of the others are one event, as with a receipt. Returns the document or the refusal
    of each command, in the same order; see DocumentResult.
    """
    batch = DocumentBatch(uow, [command.document() for command in commands])
    await batch.open_with_purchase_orders()
    events: list[Event] = []
    for document in batch.unposted:
        returns = _Returns(batch.po_lines)
        posting = batch.post(document, returns.post)
        if posting is not None:
            batch.po_lines.update(returns.after)
            events += batch.events("StockLevelChanged", document, posting, document.kind)
    results = await batch.save()
    await uow.publish(events)
    return results


class _Returns:
    """Posts one document; ``after`` has the purchase-order lines that its units are expected on again."""

    def __init__(self, po_lines: Mapping[str, PurchaseOrderLine]) -> None:
        self.after = dict(po_lines)

    def post(self, document: StatedDocument, levels: Levels, recorded_at: datetime) -> Posting:
        """Post the return. Raises LinesRefused, after which nothing is changed."""
        broken = []
        for number, line in enumerate(document.lines):
            if line.purchase_order_line_id is not None:
                try:
                    po_line = self.after[line.purchase_order_line_id].give_back(line.quantity)
                except BeyondReceived as rule:
                    broken.append(BrokenLine(number, rule))
                else:
                    self.after[po_line.line_id] = po_line
        if broken:
            raise LinesRefused(document.type, broken)
        return post_supplier_return(document, levels, recorded_at)
