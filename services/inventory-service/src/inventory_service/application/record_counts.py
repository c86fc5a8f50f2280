"""Record counts: the units that were found at a location replace the levels as of the moment of the count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from event_contracts import Event
from inventory_service.application.document_batch import DocumentBatch, DocumentResult
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import Levels, Posting, StatedDocument, StatedLine, post_count
from inventory_service.domain.stock_level import CountAt, LevelKey


@dataclass(frozen=True, slots=True)
class CountedLine:
    """The units of a SKU that were found."""

    sku: str
    counted_quantity: int


@dataclass(frozen=True, slots=True)
class RecordCount:
    """Record what was found at a location. The caller chooses the id.

    ``live``: it is counted now, and nobody states when, so that it has seen everything that is recorded.
    """

    count_id: str
    reference: str
    location_id: str
    counted_at: datetime
    lines: tuple[CountedLine, ...]
    live: bool = False

    def document(self) -> StatedDocument:
        """The count as a stock document."""
        lines = tuple(StatedLine(LevelKey(line.sku, self.location_id), line.counted_quantity) for line in self.lines)
        return StatedDocument(
            document_id=self.count_id,
            type=DocumentType.COUNT,
            reference=self.reference,
            location_id=self.location_id,
            kind=DocumentType.COUNT.value,
            occurred_at=self.counted_at,
            live=self.live,
            lines=lines,
        )


async def record_counts(uow: InventoryUnitOfWork, commands: Sequence[RecordCount]) -> list[DocumentResult]:
    """Set the levels to what was counted and what moved since, and publish ``StockLevelChanged`` where they differ.

    The movements since a count are read from the stored ledger, so a batch must not change the levels otherwise.
    Returns the document or the refusal of each command, in the same order; see DocumentResult.
    """
    batch = DocumentBatch(uow, [command.document() for command in commands])
    await batch.open()
    counts = [
        CountAt(line.key, document.occurred_at)
        for document in batch.unposted
        if not document.live
        for line in document.lines
    ]
    later = dict(zip(counts, await uow.levels.later_movements(counts) if counts else (), strict=True))

    def rule(document: StatedDocument, levels: Levels, recorded_at: datetime) -> Posting:
        return post_count(document, levels, later, recorded_at)

    events: list[Event] = []
    for document in batch.unposted:
        posting = batch.post(document, rule)
        if posting is not None:
            events += batch.events("StockLevelChanged", document, posting, document.kind)
    results = await batch.save()
    await uow.publish(events)
    return results
