"""Link a line of a receipt to the purchase-order line that was entered after its units had come."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inventory_service.application.integration_events import stock_changed
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.domain.document_types import DocumentType, ReceiptKind
from inventory_service.domain.errors import NotLinkable, PurchaseOrderLineNotFound, ReceiptLineNotFound
from inventory_service.domain.purchase_order import PurchaseOrderLine
from inventory_service.domain.stock_document import RecordedLine, StockDocument


@dataclass(frozen=True, slots=True)
class LinkReceiptLine:
    """The units of line ``line_no`` (from 1) of the receipt came on this purchase-order line."""

    receipt_id: str
    line_no: int
    purchase_order_line_id: str


async def link_receipt_line(uow: InventoryUnitOfWork, command: LinkReceiptLine) -> StockDocument:
    """Deduct the units, which are on hand already, from the purchase-order line; linking it again changes nothing.

    Publishes ``StockLevelChanged`` with the level as it is and the purchase-order line after it, so that no unit is
    both there and expected (protocol rule 8, docs/protocol.md). Its business time is that of the receipt: that is when
    the supplier delivered.

    Raises ReceiptLineNotFound, PurchaseOrderLineNotFound and NotLinkable.
    """
    receipt = await uow.queries.document(DocumentType.RECEIPT, command.receipt_id)
    if receipt is None or not 1 <= command.line_no <= len(receipt.lines):
        raise ReceiptLineNotFound
    if receipt.kind != ReceiptKind.PURCHASE:
        raise NotLinkable("not_a_purchase", f"the receipt is of the kind {receipt.kind}: its units were not ordered")
    key = receipt.lines[command.line_no - 1].key
    if (merged := (await uow.catalogue.merged_names([key.sku])).get(key.sku)) is not None:
        key = replace(key, sku=merged.sku)
    levels = await uow.levels.lock([key])
    line = await uow.documents.lock_line(receipt.document_id, command.line_no)
    if line is None:
        raise ReceiptLineNotFound
    if line.purchase_order_line_id == command.purchase_order_line_id:
        return receipt
    arrived = await _received_on(uow, line, key.sku, command.purchase_order_line_id)
    await uow.documents.link_line(receipt.document_id, line.line_no, arrived.line_id)
    await uow.purchase_orders.save_lines([arrived])
    terms = await uow.catalogue.location_terms({key.location_id})
    linked = stock_changed(
        "StockLevelChanged",
        [levels[key]],
        reason="receipt_linked",
        occurred_at=receipt.occurred_at,
        terms=terms,
        po_lines=[arrived],
    )
    await uow.publish([linked])
    return receipt.linked(line.line_no, arrived.line_id)


async def _received_on(
    uow: InventoryUnitOfWork, line: RecordedLine, sku: str, purchase_order_line_id: str
) -> PurchaseOrderLine:
    """The purchase-order line, locked, after the units of ``line``, which are of this SKU now, have arrived on it."""
    if line.purchase_order_line_id is not None:
        raise NotLinkable("already_linked", f"its units came on purchase-order line {line.purchase_order_line_id}")
    found = (await uow.purchase_orders.lock_lines([purchase_order_line_id])).get(purchase_order_line_id)
    if found is None:
        raise PurchaseOrderLineNotFound
    if found.sku != sku:
        raise NotLinkable("other_sku", "the purchase-order line is for another SKU")
    return found.receive(line.quantity)
