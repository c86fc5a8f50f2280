"""What the bodies and views of receipts, counts, adjustments and supplier returns have in common."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import ConfigDict, Field, JsonValue

from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import RecordedLine
from inventory_service.entrypoints.http.stock.effects import Effect, effect_of, explained
from service_kit.http.models import ResponseModel

MAX_LINES = 5_000
"""The most lines of one document."""


def example(**body: JsonValue) -> ConfigDict:
    """The configuration of a request model whose example in the API document is ``body``."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class PurchasedLineView(ResponseModel):
    """What the lines of receipts and of supplier returns show."""

    document_type: ClassVar[DocumentType]

    line_no: int
    sku: str
    quantity: int
    purchase_order_line_id: str | None
    on_hand_change: int
    effect: Effect = Field(description="Whether it changed on hand; if not, effect_detail says why")
    effect_detail: str | None

    @classmethod
    def of(cls, line: RecordedLine) -> Self:
        """The view of the line."""
        return cls(
            line_no=line.line_no,
            sku=line.key.sku,
            quantity=line.quantity,
            purchase_order_line_id=line.purchase_order_line_id,
            on_hand_change=line.on_hand_change,
            effect=effect_of(cls.document_type, line),
            effect_detail=explained(cls.document_type, line),
        )
