"""What a line of a document did to the stock, in words: a line that changes nothing must not look as if it did."""

from __future__ import annotations

from enum import StrEnum

from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import RecordedLine


class Effect(StrEnum):
    """What came of a line of a stock document."""

    APPLIED = "applied"
    ALREADY_COUNTED = "already_counted"
    """A later count had seen the units come or go, so that on hand stays as it is."""
    SUPERSEDED = "superseded"
    """A newer count was recorded before, so that this one changes nothing."""


def effect_of(document_type: DocumentType, line: RecordedLine) -> Effect:
    """What came of the line."""
    if document_type is DocumentType.COUNT:
        return Effect.APPLIED if line.counted_at is None else Effect.SUPERSEDED
    # Documents of older versions do not say which count covered them.
    unchanged = line.counted_at is not None or line.on_hand_change == 0
    return Effect.ALREADY_COUNTED if unchanged else Effect.APPLIED


def explained(document_type: DocumentType, line: RecordedLine) -> str | None:
    """Why the line changed nothing; None if it was applied."""
    effect = effect_of(document_type, line)
    if effect is Effect.APPLIED:
        return None
    moment = "" if line.counted_at is None else f", as of {line.counted_at.strftime('%Y-%m-%dT%H:%M:%SZ')}"
    if effect is Effect.SUPERSEDED:
        return f"A newer count of this SKU at this location{moment}, is recorded already; on hand stays as it is."
    return (
        f"A later count of this SKU at this location{moment}, included these units already; on hand stays as it is."
        " If they came after it, adjust the stock, or count again."
    )
