"""The bodies of receipts, counts and adjustments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from inventory_service.application.commands import DocumentType, RecordStock, StockDocument, StockLine
from inventory_service.domain.stock import LevelKey
from inventory_service.entrypoints.http.fields import Reason
from service_kit.http.fields import WHOLE_NUMBER, Instant, Name, Units
from service_kit.http.models import RequestModel, ResponseModel

_MAX_LINES = 5_000


def _example(**body: JsonValue) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [body]})


class ReceiptLineBody(RequestModel):
    """Units that arrived."""

    sku: Name
    quantity: Units
    purchase_order_line_id: Name | None = Field(
        default=None, description="The line they were ordered on; more than ordered is accepted"
    )


class ReceiptBody(RequestModel):
    """Units that arrived: from a supplier, from a customer, or at the opening of the books."""

    model_config = _example(
        reference="GRN-881", location_id="main", kind="purchase", lines=[{"sku": "85123A", "quantity": 120}]
    )

    reference: Name
    location_id: Name
    kind: Literal["purchase", "return", "opening"] = "purchase"
    received_at: Instant | None = Field(default=None, description="Business time; scope `import` only")
    lines: list[ReceiptLineBody] = Field(min_length=1, max_length=_MAX_LINES)

    @field_validator("lines")
    @classmethod
    def _ordered(cls, lines: list[ReceiptLineBody], info: ValidationInfo) -> list[ReceiptLineBody]:
        linked = any(line.purchase_order_line_id is not None for line in lines)
        if linked and info.data.get("kind") not in ("purchase", None):
            raise PydanticCustomError("not_ordered", "Only lines of a purchase receipt name a purchase-order line")
        return lines

    def command(self, document_id: str, now: datetime) -> RecordStock:
        """The command that the body asks for."""
        lines = tuple(
            StockLine(LevelKey(line.sku, self.location_id), line.quantity, line.purchase_order_line_id)
            for line in self.lines
        )
        occurred_at = self.received_at or now
        return RecordStock(
            document_id, DocumentType.RECEIPT, self.reference, self.location_id, self.kind, occurred_at, lines
        )


class CountLineBody(RequestModel):
    """What was found."""

    sku: Name
    counted_quantity: Annotated[int, Field(ge=0, le=1_000_000_000), WHOLE_NUMBER]


class CountBody(RequestModel):
    """A count: replaces the levels as of its time; what moved after it stays on top."""

    model_config = _example(
        reference="COUNT-2026-10", location_id="main", lines=[{"sku": "85123A", "counted_quantity": 117}]
    )

    reference: Name | None = Field(default=None, description="Your own unique name of it; the id where left out")
    location_id: Name
    counted_at: Instant | None = Field(default=None, description="Business time; scope `import` only")
    lines: list[CountLineBody] = Field(min_length=1, max_length=_MAX_LINES)

    @field_validator("lines")
    @classmethod
    def _each_once(cls, lines: list[CountLineBody]) -> list[CountLineBody]:
        if len({line.sku for line in lines}) < len(lines):
            raise PydanticCustomError("counted_twice", "Each SKU is counted once")
        return lines

    def command(self, document_id: str, now: datetime) -> RecordStock:
        """The command that the body asks for."""
        lines = tuple(StockLine(LevelKey(line.sku, self.location_id), line.counted_quantity) for line in self.lines)
        reference, occurred_at = self.reference or document_id, self.counted_at or now
        return RecordStock(document_id, DocumentType.COUNT, reference, self.location_id, "count", occurred_at, lines)


class AdjustmentLineBody(RequestModel):
    """Units found (positive) or lost (negative)."""

    sku: Name
    location_id: Name | None = Field(default=None, description="Where, if not at the adjustment's own location")
    delta: Annotated[int, Field(ge=-1_000_000, le=1_000_000), WHOLE_NUMBER]

    @field_validator("delta")
    @classmethod
    def _something(cls, delta: int) -> int:
        if delta == 0:
            raise PydanticCustomError("no_change", "Input should not be 0")
        return delta


class AdjustmentBody(RequestModel):
    """Units found or lost, and why. On hand never falls below zero."""

    model_config = _example(
        reference="DMG-17", location_id="main", reason="water damage", lines=[{"sku": "85123A", "delta": -3}]
    )

    reference: Name | None = Field(default=None, description="Your own unique name of it; the id where left out")
    location_id: Name | None = Field(default=None, description="Required unless every line names its location")
    reason: Reason
    adjusted_at: Instant | None = Field(default=None, description="Business time; scope `import` only")
    lines: list[AdjustmentLineBody] = Field(min_length=1, max_length=_MAX_LINES)

    @field_validator("lines")
    @classmethod
    def _placed(cls, lines: list[AdjustmentLineBody], info: ValidationInfo) -> list[AdjustmentLineBody]:
        if info.data.get("location_id", "") is None and any(line.location_id is None for line in lines):
            raise PydanticCustomError("location_required", "Give location_id, or one on every line")
        return lines

    def command(self, document_id: str, now: datetime) -> RecordStock:
        """The command that the body asks for."""
        lines = tuple(
            StockLine(
                LevelKey(line.sku, line.location_id or str(self.location_id)),
                line.delta,
                location_pointer="/location_id" if line.location_id is None else f"/lines/{number}/location_id",
            )
            for number, line in enumerate(self.lines)
        )
        return RecordStock(
            document_id,
            DocumentType.ADJUSTMENT,
            self.reference or document_id,
            self.location_id,
            "adjustment",
            self.adjusted_at or now,
            lines,
            self.reason,
        )


class ReceiptLineView(ResponseModel):
    """A line of a receipt; ``on_hand_change`` is 0 where a later count had seen the units already."""

    line_no: int
    sku: str
    quantity: int
    purchase_order_line_id: str | None
    on_hand_change: int


class ReceiptView(ResponseModel):
    """A stored receipt."""

    receipt_id: str
    reference: str
    location_id: str
    kind: str
    received_at: datetime
    created_at: datetime
    lines: list[ReceiptLineView]

    @classmethod
    def of(cls, document: StockDocument) -> Self:
        """The receipt's document."""
        return cls.model_validate(
            _view(
                document,
                "receipt_id",
                "received_at",
                lambda line: {"quantity": line.quantity, "purchase_order_line_id": line.purchase_order_line_id},
            )
        )


class CountLineView(ResponseModel):
    """A line of a count; ``on_hand_change`` is what it did to the books."""

    line_no: int
    sku: str
    counted_quantity: int
    on_hand_change: int


class CountView(ResponseModel):
    """A stored count."""

    count_id: str
    reference: str
    location_id: str
    counted_at: datetime
    created_at: datetime
    lines: list[CountLineView]

    @classmethod
    def of(cls, document: StockDocument) -> Self:
        """The count's document."""
        return cls.model_validate(
            _view(document, "count_id", "counted_at", lambda line: {"counted_quantity": line.quantity})
        )


class AdjustmentLineView(ResponseModel):
    """A line of an adjustment."""

    line_no: int
    sku: str
    location_id: str
    delta: int
    on_hand_change: int


class AdjustmentView(ResponseModel):
    """A stored adjustment."""

    adjustment_id: str
    reference: str
    location_id: str | None
    reason: str
    adjusted_at: datetime
    created_at: datetime
    lines: list[AdjustmentLineView]

    @classmethod
    def of(cls, document: StockDocument) -> Self:
        """The adjustment's document."""
        return cls.model_validate(
            _view(
                document,
                "adjustment_id",
                "adjusted_at",
                lambda line: {"delta": line.quantity, "location_id": line.key.location_id},
            )
        )


def _view(
    document: StockDocument, id_field: str, time_field: str, line_fields: Callable[[Any], dict[str, object]]
) -> dict[str, object]:
    return {
        id_field: document.document_id,
        "reference": document.reference,
        "location_id": document.location_id,
        "kind": document.kind,
        "reason": document.reason,
        time_field: document.occurred_at,
        "created_at": document.recorded_at,
        "lines": [
            {
                "line_no": line.line_no,
                "sku": line.key.sku,
                "on_hand_change": line.on_hand_change,
                **line_fields(line),
            }
            for line in document.lines
        ],
    }
