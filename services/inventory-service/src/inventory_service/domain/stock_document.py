"""Receipts, counts, adjustments and supplier returns: what callers state about stock, and how that moves levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from inventory_service.domain.document_types import DocumentType, ReceiptKind
from inventory_service.domain.errors import BrokenLine, LinesRefused, StockRuleBroken
from inventory_service.domain.stock_level import CountAt, EntryKind, LaterMovements, LevelKey, Source, StockLevel

_ENTRY_KINDS = {
    ReceiptKind.PURCHASE: EntryKind.RECEIPT,
    ReceiptKind.RETURN: EntryKind.RETURN,
    ReceiptKind.OPENING: EntryKind.OPENING,
}


@dataclass(frozen=True, slots=True)
class StatedLine:
    """One line as the caller stated it. ``quantity`` is received, counted or returned units, or a signed adjustment.

    ``names_location`` tells that the line states its location itself instead of using the document's.
    """

    key: LevelKey
    quantity: int
    purchase_order_line_id: str | None = None
    names_location: bool = False


@dataclass(frozen=True, slots=True)
class StatedDocument:
    """A document as the caller stated it. ``kind`` is a ReceiptKind for receipts, otherwise the same as the type.

    ``location_id`` is None if only the lines name locations. ``live``: the caller left the time to the clock, so that
    it happens after everything that is recorded, whatever the clocks of other hosts have dated.
    """

    document_id: str
    type: DocumentType
    reference: str
    location_id: str | None
    kind: str
    occurred_at: datetime
    lines: tuple[StatedLine, ...]
    reason: str = ""
    live: bool = False


@dataclass(frozen=True, slots=True)
class RecordedLine:
    """A line of a recorded document; ``on_hand_change`` is by how much it changed the units on hand.

    ``counted_at`` is the moment of the later count that had seen its units already, so that it changed nothing.
    """

    line_no: int
    key: LevelKey
    quantity: int
    purchase_order_line_id: str | None
    on_hand_change: int
    counted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StockDocument:
    """A recorded receipt, count, adjustment or supplier return."""

    document_id: str
    type: DocumentType
    reference: str
    location_id: str | None
    kind: str
    reason: str
    occurred_at: datetime
    recorded_at: datetime
    lines: tuple[RecordedLine, ...]

    def linked(self, line_no: int, purchase_order_line_id: str) -> StockDocument:
        """The document after the line, counted from 1, was linked to a purchase-order line."""
        lines = tuple(
            replace(line, purchase_order_line_id=purchase_order_line_id) if line.line_no == line_no else line
            for line in self.lines
        )
        return replace(self, lines=lines)


@dataclass(frozen=True, slots=True)
class Posting:
    """The result of posting a document.

    ``changed`` has the levels that got a new version, by SKU in the order of their keys. They are the caller's own
    levels: the next posting on the same levels changes them again.
    """

    document: StockDocument
    changed: Mapping[str, list[StockLevel]]


Levels = dict[LevelKey, StockLevel]
_Move = Callable[[StockLevel, StatedLine, datetime, Source], object]


def post_receipt(document: StatedDocument, levels: Levels, recorded_at: datetime) -> Posting:
    """Add the received units to ``levels``. Raises LinesRefused, after which ``levels`` are as before."""
    kind = _ENTRY_KINDS[ReceiptKind(document.kind)]

    def receive(level: StockLevel, line: StatedLine, at: datetime, source: Source) -> None:
        level.receive(line.quantity, at, kind, source)

    return _post(document, levels, recorded_at, receive)


def post_count(
    document: StatedDocument, levels: Levels, later: Mapping[CountAt, LaterMovements], recorded_at: datetime
) -> Posting:
    """Replace ``levels`` by what was counted and what moved ``later``; nothing has after a live count.

    Raises LinesRefused, after which ``levels`` are as before.
    """

    def count(level: StockLevel, line: StatedLine, at: datetime, source: Source) -> None:
        moved = LaterMovements() if document.live else later[CountAt(line.key, at)]
        level.count(line.quantity, at, moved, source)

    return _post(document, levels, recorded_at, count)


def post_adjustment(document: StatedDocument, levels: Levels, recorded_at: datetime) -> Posting:
    """Change ``levels`` by the signed quantities. Raises LinesRefused, after which ``levels`` are as before."""

    def adjust(level: StockLevel, line: StatedLine, at: datetime, source: Source) -> None:
        level.adjust(line.quantity, at, source)

    return _post(document, levels, recorded_at, adjust)


def post_supplier_return(document: StatedDocument, levels: Levels, recorded_at: datetime) -> Posting:
    """Take the returned units from ``levels``. Raises LinesRefused, after which ``levels`` are as before."""

    def give_back(level: StockLevel, line: StatedLine, at: datetime, source: Source) -> None:
        level.give_back(line.quantity, at, source)

    return _post(document, levels, recorded_at, give_back)


def _post(document: StatedDocument, levels: Levels, recorded_at: datetime, move: _Move) -> Posting:
    """Apply every line to its level; if a rule is broken, undo all of them and report every broken line."""
    keys = sorted({line.key for line in document.lines})
    before = {key: replace(levels[key], entries=list(levels[key].entries)) for key in keys}
    recorded: list[RecordedLine] = []
    broken: list[BrokenLine] = []
    for number, line in enumerate(document.lines):
        level = levels[line.key]
        on_hand = level.on_hand
        at = level.present(document.occurred_at) if document.live else document.occurred_at
        counted_at = level.count_after(at)
        try:
            move(level, line, at, Source(document.document_id, str(number + 1), document.reason))
        except StockRuleBroken as rule:
            broken.append(BrokenLine(number, rule))
        change = level.on_hand - on_hand
        recorded.append(
            RecordedLine(number + 1, line.key, line.quantity, line.purchase_order_line_id, change, counted_at)
        )
    if broken:
        levels.update(before)
        raise LinesRefused(document.type, broken)
    changed: dict[str, list[StockLevel]] = {}
    for key in keys:
        if levels[key].version != before[key].version:
            changed.setdefault(key.sku, []).append(levels[key])
    return Posting(_recorded(document, recorded_at, recorded), changed)


def _recorded(document: StatedDocument, recorded_at: datetime, lines: list[RecordedLine]) -> StockDocument:
    return StockDocument(
        document_id=document.document_id,
        type=document.type,
        reference=document.reference,
        location_id=document.location_id,
        kind=document.kind,
        reason=document.reason,
        occurred_at=document.occurred_at,
        recorded_at=recorded_at,
        lines=tuple(lines),
    )
