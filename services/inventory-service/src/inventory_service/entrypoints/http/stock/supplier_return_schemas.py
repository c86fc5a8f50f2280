"""The bodies and views of supplier returns."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from inventory_service.application.record_supplier_returns import RecordSupplierReturn, ReturnedLine
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import StockDocument
from inventory_service.entrypoints.http.fields import Reason
from inventory_service.entrypoints.http.stock.document_schemas import MAX_LINES, PurchasedLineView, example
from service_kit.http.fields import Instant, Name, Units
from service_kit.http.models import RequestModel, ResponseModel


class SupplierReturnLineBody(RequestModel):
    """Units of one SKU that went back to the supplier."""

    sku: Name
    quantity: Units
    purchase_order_line_id: Name | None = Field(
        default=None,
        description="The purchase-order line on which they came: the supplier is to deliver them again. Leave it out"
        " if nothing comes in their place",
    )


class SupplierReturnBody(RequestModel):
    """Units that went back to the supplier, and why. On hand never falls below zero."""

    model_config = example(
        reference="RTV-31", location_id="main", reason="wrong colour", lines=[{"sku": "85123A", "quantity": 12}]
    )

    reference: Name | None = Field(default=None, description="Your own unique reference; the id if left out")
    location_id: Name
    reason: Reason
    returned_at: Instant | None = Field(default=None, description="Business time; scope `import` only")
    lines: list[SupplierReturnLineBody] = Field(min_length=1, max_length=MAX_LINES)

    def command(self, supplier_return_id: str, returned_at: datetime, *, live: bool) -> RecordSupplierReturn:
        """The command that the body asks for; ``live``: it happens now, and nobody states a time."""
        return RecordSupplierReturn(
            supplier_return_id=supplier_return_id,
            reference=self.reference or supplier_return_id,
            location_id=self.location_id,
            reason=self.reason,
            returned_at=returned_at,
            live=live,
            lines=tuple(ReturnedLine(line.sku, line.quantity, line.purchase_order_line_id) for line in self.lines),
        )


class SupplierReturnLineView(PurchasedLineView):
    """A line of a supplier return; ``on_hand_change`` is 0 if a later count has seen the units go already."""

    document_type = DocumentType.SUPPLIER_RETURN


class SupplierReturnView(ResponseModel):
    """A recorded supplier return."""

    supplier_return_id: str
    reference: str
    location_id: str
    reason: str
    returned_at: datetime
    created_at: datetime
    lines: list[SupplierReturnLineView]

    @classmethod
    def of(cls, document: StockDocument) -> Self:
        """The view of the return."""
        return cls(
            supplier_return_id=document.document_id,
            reference=document.reference,
            location_id=str(document.location_id),
            reason=document.reason,
            returned_at=document.occurred_at,
            created_at=document.recorded_at,
            lines=[SupplierReturnLineView.of(line) for line in document.lines],
        )
