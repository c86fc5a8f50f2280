"""The bodies and views of purchase orders and their lines."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from event_contracts import new_event_id
from inventory_service.application.add_purchase_order_lines import AddPurchaseOrderLine
from inventory_service.application.place_purchase_orders import OrderedLine, PlacePurchaseOrder
from inventory_service.domain.expected_version import ExpectedOrderVersion
from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine
from inventory_service.entrypoints.http.fields import Eta, Reason
from service_kit.http.fields import Instant, Name, Units
from service_kit.http.models import RequestModel, ResponseModel


class OrderedLineBody(RequestModel):
    """Units of one SKU to order."""

    sku: Name
    quantity: Units
    eta: Eta = Field(description="When the supplier expects it to arrive; a day means its beginning in UTC")


class PurchaseOrderBody(RequestModel):
    """A purchase order to place."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reference": "PO-2041",
                    "supplier_id": "acme",
                    "location_id": "main",
                    "lines": [{"sku": "85123A", "quantity": 500, "eta": "2026-11-02T17:00:00Z"}],
                }
            ]
        }
    )

    reference: Name
    supplier_id: Name
    location_id: Name
    ordered_at: Instant | None = Field(default=None, description="Business time; scope `import` only")
    lines: list[OrderedLineBody] = Field(min_length=1, max_length=1000)

    def command(self, purchase_order_id: str, ordered_at: datetime) -> PlacePurchaseOrder:
        """The command that the body asks for; each line gets an id of its own."""
        return PlacePurchaseOrder(
            purchase_order_id=purchase_order_id,
            reference=self.reference,
            supplier_id=self.supplier_id,
            location_id=self.location_id,
            ordered_at=ordered_at,
            lines=tuple(OrderedLine(new_event_id(), line.sku, line.quantity, line.eta) for line in self.lines),
        )


class LineToAddBody(OrderedLineBody):
    """Units of one more SKU to order with a purchase order that was placed before."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"sku": "85123A", "quantity": 500, "eta": "2026-11-02T17:00:00Z"}]}
    )

    added_at: Instant | None = Field(default=None, description="Business time; scope `import` only")

    def command(
        self, purchase_order_id: str, expected: ExpectedOrderVersion | None, added_at: datetime
    ) -> AddPurchaseOrderLine:
        """The command that the body asks for; the line gets an id of its own."""
        line = OrderedLine(new_event_id(), self.sku, self.quantity, self.eta)
        return AddPurchaseOrderLine(purchase_order_id, line, added_at, expected)


class CancelBody(RequestModel):
    """Cancel the whole order: no unit that has not arrived is expected any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    cancelled_at: Instant | None = Field(default=None, description="Business time; scope `import` only")


class LineChangeBody(RequestModel):
    """The new values; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"eta": "2026-11-09T17:00:00Z"}]})

    eta: Eta | None = None
    quantity: Units | None = Field(default=None, description="Units ordered in total, including those received already")
    changed_at: Instant | None = Field(default=None, description="Business time; scope `import` only")

    @model_validator(mode="after")
    def _changes_something(self) -> LineChangeBody:
        if self.eta is None and self.quantity is None:
            raise PydanticCustomError("nothing_to_change", "Give eta, quantity or both")
        return self


class CloseBody(RequestModel):
    """Close the line short: the units that have not arrived are no longer expected."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "supplier delivers no more"}]})

    reason: Reason | None = None
    closed_at: Instant | None = Field(default=None, description="Business time; scope `import` only")


class PurchaseOrderLineView(ResponseModel):
    """A line in its current state: quantity = received (up to the quantity) + cancelled + open."""

    line_id: str
    purchase_order_line_id: str = Field(description="The same id, under the name that receipts use for it")
    sku: str
    quantity: int
    quantity_received: int = Field(description="May exceed the quantity: over-receipts are accepted")
    quantity_cancelled: int = Field(description="Units that are no longer expected, because the line was closed short")
    quantity_open: int
    eta: datetime
    state: Literal["open", "partly_received", "received", "closed"]
    version: int = Field(description="Counts the line's changes; also its ETag")

    @classmethod
    def of(cls, line: PurchaseOrderLine) -> Self:
        """The view of the line."""
        return cls.model_validate(
            {
                "line_id": line.line_id,
                "purchase_order_line_id": line.line_id,
                "sku": line.sku,
                "quantity": line.quantity,
                "quantity_received": line.received,
                "quantity_cancelled": line.cancelled,
                "quantity_open": line.open,
                "eta": line.eta,
                "state": line.state,
                "version": line.version,
            }
        )


class PurchaseOrderView(ResponseModel):
    """A purchase order with its lines in their current state."""

    purchase_order_id: str
    reference: str
    supplier_id: str
    location_id: str
    ordered_at: datetime
    created_at: datetime
    version: int = Field(description="Grows with every change of a line")
    lines: list[PurchaseOrderLineView]

    @classmethod
    def of(cls, order: PurchaseOrder) -> Self:
        """The view of the purchase order."""
        return cls(
            purchase_order_id=order.purchase_order_id,
            reference=order.reference,
            supplier_id=order.supplier_id,
            location_id=order.location_id,
            ordered_at=order.ordered_at,
            created_at=order.created_at,
            version=order.version,
            lines=[PurchaseOrderLineView.of(line) for line in order.lines],
        )
