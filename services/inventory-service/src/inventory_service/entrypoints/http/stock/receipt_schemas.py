"""The bodies and views of receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from inventory_service.application.record_receipts import ReceivedLine, RecordReceipt
from inventory_service.domain.document_types import DocumentType, ReceiptKind
from inventory_service.domain.stock_document import StockDocument
from inventory_service.entrypoints.http.stock.document_schemas import MAX_LINES, PurchasedLineView, example
from service_kit.http.fields import Instant, Name, Units
from service_kit.http.models import RequestModel, ResponseModel


class ReceiptLineBody(RequestModel):
    """Units of one SKU that arrived."""

    sku: Name
    quantity: Units
    purchase_order_line_id: Name | None = Field(
        default=None,
        description="The purchase-order line on which they were ordered; more units than ordered are accepted",
    )


class ReceiptBody(RequestModel):
    """Units that arrived from a supplier or a customer, or that were in stock when the ledger was opened."""

    model_config = example(
        reference="GRN-881", location_id="main", kind="purchase", lines=[{"sku": "85123A", "quantity": 120}]
    )

    reference: Name
    location_id: Name
    kind: Literal["purchase", "return", "opening"] = "purchase"
    received_at: Instant | None = Field(default=None, description="Business time; scope `import` only")
    lines: list[ReceiptLineBody] = Field(min_length=1, max_length=MAX_LINES)

    @field_validator("lines")
    @classmethod
    def _ordered(cls, lines: list[ReceiptLineBody], info: ValidationInfo) -> list[ReceiptLineBody]:
        linked = any(line.purchase_order_line_id is not None for line in lines)
        if linked and info.data.get("kind") not in ("purchase", None):
            raise PydanticCustomError("not_ordered", "Only lines of a purchase receipt name a purchase-order line")
        return lines

    def command(self, receipt_id: str, received_at: datetime, *, live: bool) -> RecordReceipt:
        """The command that the body asks for; ``live``: it happens now, and nobody states a time."""
        return RecordReceipt(
            receipt_id=receipt_id,
            reference=self.reference,
            location_id=self.location_id,
            kind=ReceiptKind(self.kind),
            received_at=received_at,
            live=live,
            lines=tuple(ReceivedLine(line.sku, line.quantity, line.purchase_order_line_id) for line in self.lines),
        )


class LinkBody(RequestModel):
    """The purchase-order line on which the units of a receipt's line came."""

    model_config = example(purchase_order_line_id="0198a3c4-0000-7000-8000-000000000007")

    purchase_order_line_id: Name


class ReceiptLineView(PurchasedLineView):
    """A line of a receipt; ``on_hand_change`` is 0 if a later count has included the units already."""

    document_type = DocumentType.RECEIPT


class ReceiptView(ResponseModel):
    """A recorded receipt."""

    receipt_id: str
    reference: str
    location_id: str
    kind: str
    received_at: datetime
    created_at: datetime
    lines: list[ReceiptLineView]

    @classmethod
    def of(cls, receipt: StockDocument) -> Self:
        """The view of the receipt."""
        return cls(
            receipt_id=receipt.document_id,
            reference=receipt.reference,
            location_id=str(receipt.location_id),
            kind=receipt.kind,
            received_at=receipt.occurred_at,
            created_at=receipt.recorded_at,
            lines=[ReceiptLineView.of(line) for line in receipt.lines],
        )
