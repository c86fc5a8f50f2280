"""Which changes of an order line the customer has not been told yet.

A line is held twice: as it is now, and as it was when the customer was last told (its baseline). What there is to
tell is the difference between the two, never an event. A duplicate, late or replayed event leaves the current
state as it was, so nothing is said twice; a change that is undone before it is told leaves no difference either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from notification_service.domain.reasons import NO_REASON, Reason


class ChangeKind(StrEnum):
    """What happened to units of a line, in the order in which it matters most to the customer."""

    CANCELLED = "cancelled"
    DECLINED = "declined"
    TAKEN_BACK = "taken_back"
    PLACED_ON_BACKORDER = "placed_on_backorder"
    DATE_MOVED = "date_moved"
    ALLOCATED = "allocated"


@dataclass(frozen=True, slots=True)
class LineStatus:
    """What a customer can know of a line: units and the promised date. All zero before the first message.

    ``granted`` counts from the line's beginning, so that a shipment does not change it.
    """

    granted: int = 0
    waiting: int = 0
    declined: int = 0
    cancelled: int = 0
    promise_date: date | None = None


@dataclass(frozen=True, slots=True)
class LineProjection:
    """A line as the order and allocation services last reported it, and what its customer was last told.

    ``granted`` counts from the line's beginning and includes shipped units (its column is called ``allocated``).
    ``order_sequence`` and ``line_version`` are the versions of the two reports; they are -1 until the first one
    arrives. ``baseline`` is what the customer was last told of the line.
    """

    order_id: str
    line_id: str
    sku: str
    quantity: int = 0
    cancelled: int = 0
    shipped: int = 0
    order_sequence: int = -1
    line_version: int = -1
    granted: int = 0
    waiting: int = 0
    declined: int = 0
    reason: Reason = NO_REASON
    promise_date: date | None = None
    baseline: LineStatus = LineStatus()

    def apply_order(self, *, sequence: int, quantity: int, cancelled: int, shipped: int) -> LineProjection:
        """The line after version ``sequence`` of its order; unchanged if that is not newer than what is known."""
        if sequence <= self.order_sequence:
            return self
        return replace(self, order_sequence=sequence, quantity=quantity, cancelled=cancelled, shipped=shipped)

    def apply_allocation(
        self, *, version: int, granted: int, waiting: int, declined: int, reason: Reason, promise_date: date | None
    ) -> LineProjection:
        """The line after ``version`` of its allocation; unchanged if that is not newer than what is known."""
        if version <= self.line_version:
            return self
        return replace(
            self,
            line_version=version,
            granted=granted,
            waiting=waiting,
            declined=declined,
            reason=reason,
            promise_date=promise_date,
        )

    def current(self) -> LineStatus:
        """The status to tell: allocation's figures, cut to what the order says is still open.

        An allocation event in flight may still count units that the order has cancelled since.
        """
        open_units = max(0, self.quantity - self.cancelled - self.shipped)
        waiting = min(self.waiting, open_units)
        return LineStatus(
            granted=self.granted,
            waiting=waiting,
            declined=min(self.declined, open_units),
            cancelled=self.cancelled,
            promise_date=self.promise_date if waiting or self.reserved else None,
        )

    @property
    def reserved(self) -> int:
        """Units that are granted and still to leave. They have a date before the release of their SKU."""
        return max(0, min(self.granted, self.quantity - self.cancelled) - self.shipped)

    def rebased(self) -> LineProjection:
        """The line with its current status as the baseline."""
        current = self.current()
        return self if current == self.baseline else replace(self, baseline=current)


@dataclass(frozen=True, slots=True)
class LineChange:
    """One thing to tell about one line: ``quantity`` units changed, ``waiting`` units wait afterwards.

    ``reason`` is that of the line's newest decision, which may be about other units of it.
    """

    kind: ChangeKind
    line_id: str
    sku: str
    quantity: int
    waiting: int
    promise_date: date | None
    previous_date: date | None
    reason: Reason


def changes_of(line: LineProjection) -> tuple[LineChange, ...]:
    """What the customer has not been told of the line; empty where nothing changed that matters to them."""
    baseline, current = line.baseline, line.current()

    def change(kind: ChangeKind, quantity: int) -> LineChange:
        return LineChange(
            kind,
            line.line_id,
            line.sku,
            quantity,
            current.waiting,
            current.promise_date,
            baseline.promise_date,
            line.reason,
        )

    changes: list[LineChange] = []
    if current.cancelled > baseline.cancelled:
        changes.append(change(ChangeKind.CANCELLED, current.cancelled - baseline.cancelled))
    if current.declined > baseline.declined:
        changes.append(change(ChangeKind.DECLINED, current.declined - baseline.declined))
    more_waiting = current.waiting - baseline.waiting
    more_granted = current.granted - baseline.granted
    taken_back = max(0, min(-more_granted, more_waiting))
    if taken_back:
        changes.append(change(ChangeKind.TAKEN_BACK, taken_back))
    elif more_waiting > 0:
        changes.append(change(ChangeKind.PLACED_ON_BACKORDER, more_waiting))
    elif _date_moved(baseline, current) and more_granted <= 0:
        changes.append(change(ChangeKind.DATE_MOVED, current.waiting or line.reserved))
    if more_granted > 0:
        changes.append(change(ChangeKind.ALLOCATED, more_granted))
    return tuple(changes)


def _date_moved(baseline: LineStatus, current: LineStatus) -> bool:
    """Units that wait have another date, or none any more; or what is reserved leaves on another day."""
    dated = current.waiting or current.promise_date is not None
    return bool(dated) and current.promise_date != baseline.promise_date
