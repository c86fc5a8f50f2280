"""Which change of a line is worth telling, derived from absolute states and never from the events themselves.

A line is held twice: as it is now, and as the customer was last told. The difference is what there is to
tell. A duplicate, a late or a replayed event leaves the current state as it was, so there is no difference
and nothing is said twice; a change that was undone before it was told leaves no trace either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum


class ChangeKind(StrEnum):
    """What happened to units of a line, in the order in which it matters most to the customer."""

    CANCELLED = "cancelled"
    DECLINED = "declined"
    TAKEN_BACK = "taken_back"
    PLACED_ON_BACKORDER = "placed_on_backorder"
    DATE_MOVED = "date_moved"
    ALLOCATED = "allocated"


@dataclass(frozen=True, slots=True)
class Told:
    """The quantities and the date that the customer knows of; all zero before the first message."""

    allocated: int = 0
    waiting: int = 0
    declined: int = 0
    cancelled: int = 0
    promise_date: date | None = None


@dataclass(frozen=True, slots=True)
class WatchedLine:
    """A line as orders and allocation last reported it, beside what the customer was told.

    ``allocated`` is cumulative, shipped units included. ``order_sequence`` and ``line_version`` are the
    versions of the two reports; -1 where none has arrived yet.
    """

    order_id: str
    line_id: str
    sku: str
    quantity: int = 0
    cancelled: int = 0
    shipped: int = 0
    order_sequence: int = -1
    line_version: int = -1
    allocated: int = 0
    waiting: int = 0
    declined: int = 0
    reason: str = ""
    promise_date: date | None = None
    told: Told = Told()

    def ordered(self, *, sequence: int, quantity: int, cancelled: int, shipped: int) -> WatchedLine:
        """The line after the order's report ``sequence``; unchanged if a newer one is known."""
        if sequence <= self.order_sequence:
            return self
        return replace(self, order_sequence=sequence, quantity=quantity, cancelled=cancelled, shipped=shipped)

    def answered(
        self, *, version: int, allocated: int, waiting: int, declined: int, reason: str, promise_date: date | None
    ) -> WatchedLine:
        """The line after allocation's report ``version``; unchanged if a newer one is known."""
        if version <= self.line_version:
            return self
        return replace(
            self,
            line_version=version,
            allocated=allocated,
            waiting=waiting,
            declined=declined,
            reason=reason,
            promise_date=promise_date,
        )

    def current(self) -> Told:
        """The state to tell: allocation's figures, cut to what the order says is still open.

        An answer in flight may still speak of units that the order has cancelled since.
        """
        open_units = max(0, self.quantity - self.cancelled - self.shipped)
        waiting = min(self.waiting, open_units)
        return Told(
            allocated=self.allocated,
            waiting=waiting,
            declined=min(self.declined, open_units),
            cancelled=self.cancelled,
            promise_date=self.promise_date if waiting else None,
        )

    def caught_up(self) -> WatchedLine:
        """The line once its current state is known to the customer."""
        now = self.current()
        return self if now == self.told else replace(self, told=now)


@dataclass(frozen=True, slots=True)
class LineChange:
    """One thing to say about one line: ``quantity`` units changed, ``waiting`` units wait afterwards."""

    kind: ChangeKind
    line_id: str
    sku: str
    quantity: int
    waiting: int
    promise_date: date | None
    previous_date: date | None
    reason: str = ""


def changes_of(line: WatchedLine) -> tuple[LineChange, ...]:
    """What the customer does not know yet about the line; empty where everything was told or nothing matters."""
    told, now = line.told, line.current()

    def change(kind: ChangeKind, quantity: int, reason: str = "") -> LineChange:
        return LineChange(
            kind, line.line_id, line.sku, quantity, now.waiting, now.promise_date, told.promise_date, reason
        )

    found: list[LineChange] = []
    if now.cancelled > told.cancelled:
        found.append(change(ChangeKind.CANCELLED, now.cancelled - told.cancelled))
    if now.declined > told.declined:
        found.append(change(ChangeKind.DECLINED, now.declined - told.declined, line.reason))
    more_waiting = now.waiting - told.waiting
    granted = now.allocated - told.allocated
    taken_back = max(0, min(-granted, more_waiting))
    if taken_back:
        found.append(change(ChangeKind.TAKEN_BACK, taken_back))
    elif more_waiting > 0:
        found.append(change(ChangeKind.PLACED_ON_BACKORDER, more_waiting))
    elif now.waiting and now.promise_date != told.promise_date and granted <= 0:
        found.append(change(ChangeKind.DATE_MOVED, now.waiting))
    if granted > 0:
        found.append(change(ChangeKind.ALLOCATED, granted))
    return tuple(found)
