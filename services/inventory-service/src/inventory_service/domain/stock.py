"""The stock level of one (SKU, location) and the ledger entries that explain it.

Supply = on hand + shipped. A shipment moves units from one to the other and leaves the supply alone;
only receipts, counts and adjustments change it. Every change appends signed ledger entries, so that
``on_hand`` is the sum of ``on_hand_delta`` and ``shipped`` the sum of ``shipped_delta``, always.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

MAX_UNITS = 1_000_000_000
"""The most units that a level may hold; the public contract promises no more."""


class EntryKind(StrEnum):
    """What a ledger entry records."""

    RECEIPT = "receipt"
    RETURN = "return"
    OPENING = "opening"
    COUNT = "count"
    ADJUSTMENT = "adjustment"
    SHIPMENT = "shipment"
    FOUND = "found"
    """Units that left although none were on hand: they must have been there."""
    ALREADY_COUNTED = "already_counted"
    """Takes back a movement that was reported after the count which had already seen it."""


class StockRuleBroken(Exception):
    """A movement that the level does not allow; the text can be shown to the caller."""


class BelowZero(StockRuleBroken):
    """An adjustment takes away more units than are on hand."""


class LevelTooLarge(StockRuleBroken):
    """The level would exceed ``MAX_UNITS``."""


@dataclass(frozen=True, slots=True, order=True)
class LevelKey:
    """Names one stock level. Keys sort in the order in which their rows are locked."""

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
    """One signed, never changed record; ``version`` is the level's version that it led to."""

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
    """Movements of on hand with a business time after a count, in order of that time.

    ``total`` is their sum, ``lowest`` the smallest running sum (0 where it never falls below 0).
    Found units are left out: they were guessed from a level that the count replaces.
    """

    total: int = 0
    lowest: int = 0


@dataclass(slots=True)
class StockLevel:
    """The level of one (SKU, location). Each method is one change: one version, one or two entries."""

    key: LevelKey
    on_hand: int = 0
    shipped: int = 0
    version: int = 0
    counted_at: datetime | None = None
    entries: list[LedgerEntry] = field(default_factory=list)

    @property
    def supply(self) -> int:
        """All units that were ever available here, shipped ones included."""
        return self.on_hand + self.shipped

    def receive(self, quantity: int, received_at: datetime, kind: EntryKind, source: Source) -> None:
        """Add ``quantity`` units. Units received before the last count were counted: on hand stays."""
        self._check_room(quantity)
        self.version += 1
        self._book(kind, quantity, 0, received_at, source)
        if self._counted_after(received_at):
            self._book(EntryKind.ALREADY_COUNTED, -quantity, 0, received_at, source)

    def ship(self, quantity: int, shipped_at: datetime, source: Source) -> None:
        """Move ``quantity`` units from on hand to shipped. What has left the building has left: never refused.

        A shipment up to the last count was missing from that count already, so on hand stays; one that
        exceeds on hand first books the missing units as found.
        """
        self.version += 1
        if self.counted_at is not None and shipped_at <= self.counted_at:
            self._book(EntryKind.ALREADY_COUNTED, quantity, 0, shipped_at, source)
        elif quantity > self.on_hand:
            self._book(EntryKind.FOUND, quantity - self.on_hand, 0, shipped_at, source)
        self._book(EntryKind.SHIPMENT, -quantity, quantity, shipped_at, source)

    def adjust(self, delta: int, adjusted_at: datetime, source: Source) -> None:
        """Change on hand by ``delta``. BelowZero where more is taken than there is."""
        late = self._counted_after(adjusted_at)
        if not late and self.on_hand + delta < 0:
            raise BelowZero(f"only {self.on_hand} units are on hand")
        self._check_room(delta)
        self.version += 1
        booked = [(EntryKind.ADJUSTMENT, delta)]
        if late:
            booked.append((EntryKind.ALREADY_COUNTED, -delta))
        # What adds comes first: the ledger shows no level below zero, not even in between.
        for kind, change in sorted(booked, key=lambda entry: -entry[1]):
            self._book(kind, change, 0, adjusted_at, source)

    def count(self, counted: int, counted_at: datetime, later: LaterMovements, source: Source) -> bool:
        """Replace the level as of ``counted_at``; ``later`` movements stay on top, never below zero.

        Returns False where a newer count stands: the older one changes nothing any more. A count that
        finds what was expected is recorded, but the level and its version stay.
        """
        if self._counted_after(counted_at):
            return False
        # Replaying the later movements on the counted level, floored at zero: what left without being
        # there was found. The floor lifts everything after it, hence the lowest running sum.
        level = counted + later.total - min(0, counted + later.lowest)
        self._check_room(level - self.on_hand)
        if level != self.on_hand:
            self.version += 1
        self.counted_at = counted_at
        self._book(EntryKind.COUNT, level - self.on_hand, 0, counted_at, source)
        return True

    def _counted_after(self, moment: datetime) -> bool:
        return self.counted_at is not None and moment < self.counted_at

    def _check_room(self, delta: int) -> None:
        if delta > 0 and self.on_hand + delta > MAX_UNITS:
            raise LevelTooLarge(f"a level holds at most {MAX_UNITS} units")

    def _book(self, kind: EntryKind, on_hand: int, shipped: int, occurred_at: datetime, source: Source) -> None:
        self.on_hand += on_hand
        self.shipped += shipped
        self.entries.append(
            LedgerEntry(self.key, kind, on_hand, shipped, self.on_hand, self.shipped, self.version, occurred_at, source)
        )
