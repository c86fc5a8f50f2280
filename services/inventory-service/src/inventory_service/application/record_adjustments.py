"""Record adjustments: units that were found or lost, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from event_contracts import Event
from inventory_service.application.document_batch import DocumentBatch, DocumentResult
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import StatedDocument, StatedLine, post_adjustment
from inventory_service.domain.stock_level import LevelKey


@dataclass(frozen=True, slots=True)
class AdjustedLine:
    """By how many units the stock of a SKU differs; ``location_id`` None means the adjustment's own location."""

    sku: str
    delta: int
    location_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordAdjustment:
    """Record units found (positive) or lost (negative). The caller chooses the id.

    ``location_id`` may be None only if every line names a location. ``live``: it happens now, nobody states when.
    """

    adjustment_id: str
    reference: str
    location_id: str | None
    reason: str
    adjusted_at: datetime
    lines: tuple[AdjustedLine, ...]
    live: bool = False

    def document(self) -> StatedDocument:
        """The adjustment as a stock document. Raises ValueError for a line without any location."""
        return StatedDocument(
            document_id=self.adjustment_id,
            type=DocumentType.ADJUSTMENT,
            reference=self.reference,
            location_id=self.location_id,
            kind=DocumentType.ADJUSTMENT.value,
            occurred_at=self.adjusted_at,
            live=self.live,
            lines=tuple(self._line(line) for line in self.lines),
            reason=self.reason,
        )

    def _line(self, line: AdjustedLine) -> StatedLine:
        location_id = line.location_id if line.location_id is not None else self.location_id
        if location_id is None:
            raise ValueError("neither the line nor its adjustment names a location")
        key = LevelKey(line.sku, location_id)
        return StatedLine(key, line.delta, names_location=line.location_id is not None)


async def record_adjustments(uow: InventoryUnitOfWork, commands: Sequence[RecordAdjustment]) -> list[DocumentResult]:
    """Change the levels by the stated units and publish ``StockLevelChanged`` for each SKU of an adjustment.

    Returns the document or the refusal of each command, in the same order; see DocumentResult.
    """
    batch = DocumentBatch(uow, [command.document() for command in commands])
    await batch.open()
    events: list[Event] = []
    for document in batch.unposted:
        posting = batch.post(document, post_adjustment)
        if posting is not None:
            events += batch.events("StockLevelChanged", document, posting, document.kind)
    results = await batch.save()
    await uow.publish(events)
    return results
