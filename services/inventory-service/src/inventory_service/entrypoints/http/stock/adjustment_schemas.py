"""The bodies and views of adjustments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from inventory_service.application.record_adjustments import AdjustedLine, RecordAdjustment
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import RecordedLine, StockDocument
from inventory_service.entrypoints.http.fields import Reason
from inventory_service.entrypoints.http.stock.document_schemas import MAX_LINES, example
from inventory_service.entrypoints.http.stock.effects import Effect, effect_of, explained
from service_kit.http.fields import WHOLE_UNITS, Instant, Name
from service_kit.http.models import RequestModel, ResponseModel


class AdjustmentLineBody(RequestModel):
    """Units of one SKU that were found (positive) or lost (negative)."""

    sku: Name
    location_id: Name | None = Field(default=None, description="The location, if it is not that of the adjustment")
    delta: Annotated[int, Field(ge=-1_000_000, le=1_000_000), WHOLE_UNITS]

    @field_validator("delta")
    @classmethod
    def _something(cls, delta: int) -> int:
        if delta == 0:
            raise PydanticCustomError("no_change", "Input should not be 0")
        return delta


class AdjustmentBody(RequestModel):
    """Units that were found or lost, and why. On hand never falls below zero."""

    model_config = example(
        reference="DMG-17", location_id="main", reason="water damage", lines=[{"sku": "85123A", "delta": -3}]
    )

    reference: Name | None = Field(default=None, description="Your own unique reference; the id if left out")
    location_id: Name | None = Field(default=None, description="Required unless every line states a location")
    reason: Reason
    adjusted_at: Instant | None = Field(default=None, description="Business time; scope `import` only")
    lines: list[AdjustmentLineBody] = Field(min_length=1, max_length=MAX_LINES)

    @field_validator("lines")
    @classmethod
    def _placed(cls, lines: list[AdjustmentLineBody], info: ValidationInfo) -> list[AdjustmentLineBody]:
        if info.data.get("location_id", "") is None and any(line.location_id is None for line in lines):
            raise PydanticCustomError("location_required", "Give location_id, or one on every line")
        return lines

    def command(self, adjustment_id: str, adjusted_at: datetime, *, live: bool) -> RecordAdjustment:
        """The command that the body asks for; ``live``: it happens now, and nobody states a time."""
        return RecordAdjustment(
            adjustment_id=adjustment_id,
            reference=self.reference or adjustment_id,
            location_id=self.location_id,
            reason=self.reason,
            adjusted_at=adjusted_at,
            live=live,
            lines=tuple(AdjustedLine(line.sku, line.delta, line.location_id) for line in self.lines),
        )


class AdjustmentLineView(ResponseModel):
    """A line of an adjustment."""

    line_no: int
    sku: str
    location_id: str
    delta: int
    on_hand_change: int
    effect: Effect = Field(description="Whether it changed on hand; if not, effect_detail says why")
    effect_detail: str | None

    @classmethod
    def of(cls, line: RecordedLine) -> Self:
        """The view of the line."""
        return cls(
            line_no=line.line_no,
            sku=line.key.sku,
            location_id=line.key.location_id,
            delta=line.quantity,
            on_hand_change=line.on_hand_change,
            effect=effect_of(DocumentType.ADJUSTMENT, line),
            effect_detail=explained(DocumentType.ADJUSTMENT, line),
        )


class AdjustmentView(ResponseModel):
    """A recorded adjustment."""

    adjustment_id: str
    reference: str
    location_id: str | None
    reason: str
    adjusted_at: datetime
    created_at: datetime
    lines: list[AdjustmentLineView]

    @classmethod
    def of(cls, adjustment: StockDocument) -> Self:
        """The view of the adjustment."""
        return cls(
            adjustment_id=adjustment.document_id,
            reference=adjustment.reference,
            location_id=adjustment.location_id,
            reason=adjustment.reason,
            adjusted_at=adjustment.occurred_at,
            created_at=adjustment.recorded_at,
            lines=[AdjustmentLineView.of(line) for line in adjustment.lines],
        )
