"""The bodies and views of counts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from inventory_service.application.record_counts import CountedLine, RecordCount
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import RecordedLine, StockDocument
from inventory_service.entrypoints.http.stock.document_schemas import MAX_LINES, example
from inventory_service.entrypoints.http.stock.effects import Effect, effect_of, explained
from service_kit.http.fields import WHOLE_UNITS, Instant, Name
from service_kit.http.models import RequestModel, ResponseModel


class CountLineBody(RequestModel):
    """The units of one SKU that were found."""

    sku: Name
    counted_quantity: Annotated[int, Field(ge=0, le=1_000_000_000), WHOLE_UNITS]


class CountBody(RequestModel):
    """A count replaces the levels as of its time; movements after that time are added to it."""

    model_config = example(
        reference="COUNT-2026-10", location_id="main", lines=[{"sku": "85123A", "counted_quantity": 117}]
    )

    reference: Name | None = Field(default=None, description="Your own unique reference; the id if left out")
    location_id: Name
    counted_at: Instant | None = Field(default=None, description="Business time; scope `import` only")
    lines: list[CountLineBody] = Field(min_length=1, max_length=MAX_LINES)

    @field_validator("lines")
    @classmethod
    def _each_once(cls, lines: list[CountLineBody]) -> list[CountLineBody]:
        if len({line.sku for line in lines}) < len(lines):
            raise PydanticCustomError("counted_twice", "Each SKU is counted once")
        return lines

    def command(self, count_id: str, counted_at: datetime, *, live: bool) -> RecordCount:
        """The command that the body asks for; ``live``: it happens now, and nobody states a time."""
        return RecordCount(
            count_id=count_id,
            reference=self.reference or count_id,
            location_id=self.location_id,
            counted_at=counted_at,
            live=live,
            lines=tuple(CountedLine(line.sku, line.counted_quantity) for line in self.lines),
        )


class CountLineView(ResponseModel):
    """A line of a count; ``on_hand_change`` is by how much it changed the units on hand."""

    line_no: int
    sku: str
    counted_quantity: int
    on_hand_change: int
    effect: Effect = Field(description="Whether it changed on hand; if not, effect_detail says why")
    effect_detail: str | None

    @classmethod
    def of(cls, line: RecordedLine) -> Self:
        """The view of the line."""
        return cls(
            line_no=line.line_no,
            sku=line.key.sku,
            counted_quantity=line.quantity,
            on_hand_change=line.on_hand_change,
            effect=effect_of(DocumentType.COUNT, line),
            effect_detail=explained(DocumentType.COUNT, line),
        )


class CountView(ResponseModel):
    """A recorded count."""

    count_id: str
    reference: str
    location_id: str
    counted_at: datetime
    created_at: datetime
    lines: list[CountLineView]

    @classmethod
    def of(cls, count: StockDocument) -> Self:
        """The view of the count."""
        return cls(
            count_id=count.document_id,
            reference=count.reference,
            location_id=str(count.location_id),
            counted_at=count.occurred_at,
            created_at=count.recorded_at,
            lines=[CountLineView.of(line) for line in count.lines],
        )
