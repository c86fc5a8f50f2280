"""The stock level of one SKU at one location, and the ledger entries that explain it.

Supply = on hand + shipped. A shipment moves units from on hand to shipped and leaves the supply unchanged, unless
it exceeds on hand or a later count has already seen its units go: it then adds the missing units first. Otherwise only
receipts, counts, adjustments and supplier returns change the supply. Every change appends signed ledger entries, so
that ``on_hand`` is always the sum of ``on_hand_delta``, and ``shipped`` the sum of ``shipped_delta``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from inventory_service.domain.errors import BelowZero, LevelTooLarge

MAX_UNITS = 1_000_000_000
"""The most units, on hand and ever shipped, of a level; the public event contract allows no more of either."""


class EntryKind(StrEnum):
    """What a ledger entry records."""

    RECEIPT = "receipt"
    RETURN = "return"
    OPENING = "opening"
    COUNT = "count"
    ADJUSTMENT = "adjustment"
    SUPPLIER_RETURN = "supplier_return"
    SHIPMENT = "shipment"
    SHIPMENT_VOIDED = "shipment_voided"
    """Reverses a shipment that was reported by mistake: its units never left."""
    MERGED = "merged"
    """Moves a whole level, with what was ever shipped from it, to the SKU that its own was merged into."""
    FOUND = "found"
    """Units that were shipped although they were not on hand: they must have been there, unrecorded."""
    ALREADY_COUNTED = "already_counted"
    """Reverses a movement that was reported after a count which had already included it."""
    SUPERSEDED = "superseded"
    """A count that was reported after a newer one, and changes nothing."""


@dataclass(frozen=True, slots=True, order=True)
class LevelKey:
    """Identifies a stock level. Keys sort in the order in which their rows are locked."""

    sku: str
    location_id: str


@dataclass(frozen=True, slots=True)
class Source:
    """The document (or shipment) line that caused a movement."""

    document_id: str
    line_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One signed record that never changes; ``version`` is the level's version after the movement."""

    key: LevelKey
    kind: EntryKind
    on_hand_delta: int
    shipped_delta: int
    on_hand_after: int
    shipped_after: int
    version: int
    occurred_at: datetime
    source: Source


@dataclass(frozen=True, slots=True)
class LaterMovements:
    """The movements of on hand whose business time is after a count, in the order of that time.

    ``total`` is their sum; ``lowest`` is their smallest running sum, 0 if it never falls below 0.
    Found units are left out: they were derived from a level that the count replaces.
    """

    total: int = 0
    lowest: int = 0


@dataclass(frozen=True, slots=True)
class CountAt:
    """A count of one level at one moment of business time."""

    key: LevelKey
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class BookedShipment:
    """When a shipment line was taken off a level, and how many units were recorded as found for it."""

    shipped_at: datetime
    found: int = 0


@dataclass(slots=True)
class StockLevel:
    """The level of one SKU at one location. Each method is one change: one new version, one or two ledger entries.

    ``shipped`` are the units that have left; ``voided`` those whose shipment was reported by mistake, which are on hand
    again: their number never falls. ``counted_at`` is the business time of the last count. ``entries`` are those that
    are not stored yet. ``merged``: all of it went to another SKU, and nothing happens here any more.
    """

    key: LevelKey
    on_hand: int = 0
    shipped: int = 0
    version: int = 0
    counted_at: datetime | None = None
    voided: int = 0
    merged: bool = False
    entries: list[LedgerEntry] = field(default_factory=list)

    @property
    def supply(self) -> int:
        """All units that were ever available here, including those that have been shipped."""
        return self.on_hand + self.shipped

    def present(self, at: datetime) -> datetime:
        """The moment of what happens here now, at ``at`` by this host's clock: no count can come after it."""
        return at if self.counted_at is None else max(at, self.counted_at)

    def count_after(self, moment: datetime) -> datetime | None:
        """When the last count was, if it came after ``moment`` and had seen what happened then; None if not."""
        return self.counted_at if self._counted_after(moment) else None

    def receive(self, quantity: int, received_at: datetime, kind: EntryKind, source: Source) -> None:
        """Add ``quantity`` units. On hand stays the same if they arrived before the last count, which included them.

        Raises LevelTooLarge.
        """
        self._check_room(quantity)
        self.version += 1
        self._append(kind, quantity, 0, received_at, source)
        if self._counted_after(received_at):
            self._append(EntryKind.ALREADY_COUNTED, -quantity, 0, received_at, self._explained(source))

    def merge_into(self, other: StockLevel, merged_at: datetime, source: Source) -> None:
        """Give ``other``, the level of another SKU at the same location, everything that is here. Raises LevelTooLarge.

        Shipped units go along: what was granted to customers and has left stays less than what was ever there.
        """
        other._check_room(self.supply)
        if not other.version:
            other.counted_at = self.counted_at
        self.merged = True
        self.version += 1
        other.version += 1
        other.voided, self.voided = other.voided + self.voided, 0
        on_hand, shipped = self.on_hand, self.shipped
        self._append(EntryKind.MERGED, -on_hand, -shipped, merged_at, source)
        other._append(EntryKind.MERGED, on_hand, shipped, merged_at, source)

    def counted_for(self, former: StockLevel, merged_at: datetime) -> datetime | None:
        """The last count that may have seen units go which left as ``former``, before that was merged into this."""
        counted = self.counted_at
        return counted if counted is not None and counted > merged_at else former.counted_at

    def ship(
        self, quantity: int, shipped_at: datetime, source: Source, counted_at: datetime | Literal["own"] | None = "own"
    ) -> None:
        """Move ``quantity`` units from on hand to shipped. A shipment has already left, so it is never refused.

        On hand stays the same if the units left no later than the last count, which did not include them any more.
        A shipment that exceeds on hand first records the missing units as found. ``counted_at`` is the last count that
        may have seen them go, if not the level's own: see ``counted_for``.
        """
        self.version += 1
        if self._count_saw(shipped_at, counted_at):
            self._append(EntryKind.ALREADY_COUNTED, quantity, 0, shipped_at, self._explained(source))
        elif quantity > self.on_hand:
            self._append(EntryKind.FOUND, quantity - self.on_hand, 0, shipped_at, source)
        self._append(EntryKind.SHIPMENT, -quantity, quantity, shipped_at, source)

    def booked_shipment(self, source: Source) -> BookedShipment | None:
        """How the units of a shipment line were taken off, if that is not stored yet; None if it is, or never was."""
        own = [one for one in self.entries if _of(one, source)]
        found = sum(one.on_hand_delta for one in own if one.kind is EntryKind.FOUND)
        return next((BookedShipment(one.occurred_at, found) for one in own if one.kind is EntryKind.SHIPMENT), None)

    def void_shipment(
        self,
        quantity: int,
        booked: BookedShipment,
        source: Source,
        counted_at: datetime | Literal["own"] | None = "own",
    ) -> None:
        """Put ``quantity`` units back on hand whose shipment was reported by mistake: they never left.

        A count after the shipment has seen them on the shelf, so on hand stays the same then. Otherwise the units go
        that were recorded as found only because the shipment exceeded on hand. All of it happens at the moment of the
        shipment, so that a count that is reported later finds that nothing moved.
        """
        self.version += 1
        self.voided += quantity
        self._append(EntryKind.SHIPMENT_VOIDED, quantity, -quantity, booked.shipped_at, source)
        if self._count_saw(booked.shipped_at, counted_at):
            self._append(EntryKind.ALREADY_COUNTED, -quantity, 0, booked.shipped_at, self._explained(source))
        elif booked.found:
            self._append(EntryKind.FOUND, -booked.found, 0, booked.shipped_at, source)

    def adjust(self, delta: int, adjusted_at: datetime, source: Source) -> None:
        """Change on hand by ``delta``. Raises BelowZero, LevelTooLarge."""
        self._change(EntryKind.ADJUSTMENT, delta, adjusted_at, source)

    def give_back(self, quantity: int, returned_at: datetime, source: Source) -> None:
        """Take ``quantity`` units away that went back to their supplier. Raises BelowZero."""
        self._change(EntryKind.SUPPLIER_RETURN, -quantity, returned_at, source)

    def _change(self, kind: EntryKind, delta: int, adjusted_at: datetime, source: Source) -> None:
        late = self._counted_after(adjusted_at)
        if not late and self.on_hand + delta < 0:
            raise BelowZero(self.on_hand)
        self._check_room(delta)
        self.version += 1
        changes = [(kind, delta, source)]
        if late:
            changes.append((EntryKind.ALREADY_COUNTED, -delta, self._explained(source)))
        # Additions come first, so that no ledger entry shows a level below zero, not even in between.
        for entry_kind, change, why in sorted(changes, key=lambda entry: -entry[1]):
            self._append(entry_kind, change, 0, adjusted_at, why)

    def count(self, counted: int, counted_at: datetime, later: LaterMovements, source: Source) -> bool:
        """Set the level to ``counted`` as of ``counted_at`` and apply the ``later`` movements to it, never below zero.

        Returns False, and changes nothing but the ledger, if a newer count is recorded already. A count that confirms
        the level is recorded in the ledger, but the level keeps its version. Raises LevelTooLarge.
        """
        if self._counted_after(counted_at):
            self._append(EntryKind.SUPERSEDED, 0, 0, counted_at, self._explained(source))
            return False
        # The later movements are replayed on the counted level, floored at zero: units that left without being there
        # must have been found. Where the floor is reached it raises all that follows, hence the lowest running sum.
        level = counted + later.total - min(0, counted + later.lowest)
        self._check_room(level - self.on_hand)
        if level != self.on_hand:
            self.version += 1
        self.counted_at = counted_at
        self._append(EntryKind.COUNT, level - self.on_hand, 0, counted_at, source)
        return True

    def _count_saw(self, shipped_at: datetime, counted_at: datetime | Literal["own"] | None) -> bool:
        """Whether the last count was taken when the shipment had left, or would have."""
        counted = self.counted_at if counted_at == "own" else counted_at
        return counted is not None and shipped_at <= counted

    def _counted_after(self, moment: datetime) -> bool:
        return self.counted_at is not None and moment < self.counted_at

    def _explained(self, source: Source) -> Source:
        """The source with the count in its reason that a late movement or count has come after."""
        counted = "" if self.counted_at is None else self.counted_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        words = f"a count as of {counted} was recorded before"
        return replace(source, reason=f"{source.reason}; {words}" if source.reason else words)

    def _check_room(self, delta: int) -> None:
        # Shipped units count too: they go on growing, and an event could not tell of more.
        if delta > 0 and self.supply + delta > MAX_UNITS:
            raise LevelTooLarge(MAX_UNITS)

    def _append(self, kind: EntryKind, on_hand: int, shipped: int, occurred_at: datetime, source: Source) -> None:
        self.on_hand += on_hand
        self.shipped += shipped
        self.entries.append(
            LedgerEntry(self.key, kind, on_hand, shipped, self.on_hand, self.shipped, self.version, occurred_at, source)
        )


def _of(entry: LedgerEntry, source: Source) -> bool:
    return (entry.source.document_id, entry.source.line_id) == (source.document_id, source.line_id)
