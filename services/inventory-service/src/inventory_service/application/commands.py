"""What callers ask for, and what they get back. Ids are assigned before a command is submitted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory_service.domain.purchasing import InboundLine
from inventory_service.domain.stock import LevelKey


class DocumentType(StrEnum):
    """The three kinds of statement about stock; each has its own space of references."""

    RECEIPT = "receipt"
    COUNT = "count"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True, slots=True)
class StockLine:
    """One line: units received, units counted, or the signed adjustment, by the document's type.

    ``location_pointer`` says where in the body the location was stated, for problems.
    """

    key: LevelKey
    quantity: int
    purchase_order_line_id: str | None = None
    location_pointer: str = "/location_id"


@dataclass(frozen=True, slots=True)
class RecordStock:
    """Record a receipt, count or adjustment. ``kind``: purchase, return, opening, count or adjustment.

    ``location_id`` is the document's own location, None where only its lines name some.
    """

    document_id: str
    type: DocumentType
    reference: str
    location_id: str | None
    kind: str
    occurred_at: datetime
    lines: tuple[StockLine, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordedLine:
    """A line of a stored document; ``on_hand_change`` is what it did to the units on hand."""

    line_no: int
    key: LevelKey
    quantity: int
    purchase_order_line_id: str | None
    on_hand_change: int


@dataclass(frozen=True, slots=True)
class StockDocument:
    """A stored receipt, count or adjustment."""

    document_id: str
    type: DocumentType
    reference: str
    location_id: str | None
    kind: str
    reason: str
    occurred_at: datetime
    recorded_at: datetime
    lines: tuple[RecordedLine, ...]


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line of a purchase order to place."""

    line_id: str
    sku: str
    quantity: int
    eta: datetime


@dataclass(frozen=True, slots=True)
class PlacePurchaseOrder:
    """Order units from a supplier; each line is announced as inbound."""

    purchase_order_id: str
    reference: str
    supplier_id: str
    location_id: str
    ordered_at: datetime
    lines: tuple[OrderedLine, ...]


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """A stored purchase order with its lines as they are now."""

    purchase_order_id: str
    reference: str
    supplier_id: str
    location_id: str
    ordered_at: datetime
    created_at: datetime
    lines: tuple[InboundLine, ...]

    @property
    def version(self) -> int:
        """Grows with every change of any line."""
        return sum(line.version for line in self.lines)
