"""The view of ledger entries."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from inventory_service.application.queries import StoredEntry
from inventory_service.domain.stock_level import EntryKind
from service_kit.http.models import ResponseModel


class LedgerEntryView(ResponseModel):
    """An entry of the stock ledger. The deltas of a level add up to its on hand and shipped units."""

    entry_id: int
    sku: str
    location_id: str
    kind: EntryKind
    on_hand_delta: int
    shipped_delta: int
    supply_delta: int = Field(description="on_hand_delta + shipped_delta; 0 for a shipment, and for a voided one")
    on_hand_after: int
    shipped_after: int
    version: int = Field(description="The level's version after the change")
    occurred_at: datetime = Field(description="Business time")
    recorded_at: datetime
    document_id: str = Field(description="The stock document or the shipment that caused the entry")
    line_id: str
    reason: str

    @classmethod
    def of(cls, entry: StoredEntry) -> Self:
        """The view of the entry."""
        return cls(
            entry_id=entry.entry_id,
            sku=entry.sku,
            location_id=entry.location_id,
            kind=entry.kind,
            on_hand_delta=entry.on_hand_delta,
            shipped_delta=entry.shipped_delta,
            supply_delta=entry.supply_delta,
            on_hand_after=entry.on_hand_after,
            shipped_after=entry.shipped_after,
            version=entry.version,
            occurred_at=entry.occurred_at,
            recorded_at=entry.recorded_at,
            document_id=entry.document_id,
            line_id=entry.line_id,
            reason=entry.reason,
        )
