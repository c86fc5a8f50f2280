"""An order as projected from events: its lines, what its customer was last told, and when a message is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from notification_service.domain.lines import LineChange, LineProjection, LineStatus, changes_of
from notification_service.domain.messages import Message, MessageDue, MessageTiming, compose_message, next_due
from notification_service.domain.reasons import Reason

Baseline = Mapping[str, LineStatus]
"""What a customer was last told of the lines of an order, by line id. Lines that are not in it were never told."""


@dataclass(frozen=True, slots=True)
class OrderLineSnapshot:
    """A line in an order's snapshot; ``shipped`` are the units that have left, from all locations."""

    line_id: str
    sku: str
    quantity: int
    cancelled: int
    shipped: int


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """The whole order at its version ``sequence``, as the order service reports it."""

    order_id: str
    sequence: int
    reference: str
    contact_id: str | None
    customer_id: str | None
    placed_at: datetime
    lines: tuple[OrderLineSnapshot, ...]


@dataclass(frozen=True, slots=True)
class LineAllocation:
    """The allocation of a line at ``version``, as the allocation service reports it.

    ``granted`` counts all locations from the line's beginning, shipped units included.
    """

    line_id: str
    sku: str
    version: int
    granted: int
    waiting: int
    declined: int
    reason: Reason
    promise_date: date | None


@dataclass(slots=True)
class OrderProjection:
    """What this service knows of an order. The aggregate: its row is locked while it changes.

    ``sequence`` is -1 until the first event of the order service arrives; allocation's may be faster. ``cause`` is
    the id of the newest event that changed something the customer has to be told.
    """

    order_id: str
    sequence: int = -1
    reference: str = ""
    contact_id: str | None = None
    customer_id: str | None = None
    placed_at: datetime | None = None
    message_due: MessageDue | None = None
    cause: str | None = None
    lines: dict[str, LineProjection] = field(default_factory=dict)

    def apply_order(self, snapshot: OrderSnapshot) -> bool:
        """Take over the order's snapshot; False, and no change, where one as new or newer is known."""
        if snapshot.sequence <= self.sequence:
            return False
        self.sequence, self.reference = snapshot.sequence, snapshot.reference
        self.contact_id, self.customer_id = snapshot.contact_id, snapshot.customer_id
        self.placed_at = snapshot.placed_at
        for line in snapshot.lines:
            self.lines[line.line_id] = self._line(line.line_id, line.sku).apply_order(
                sequence=snapshot.sequence, quantity=line.quantity, cancelled=line.cancelled, shipped=line.shipped
            )
        return True

    def apply_allocations(self, allocations: Iterable[LineAllocation]) -> bool:
        """Take over the allocations of lines; False where ones as new or newer are known for all of the lines."""
        changed = False
        for allocation in allocations:
            before = self._line(allocation.line_id, allocation.sku)
            after = before.apply_allocation(
                version=allocation.version,
                granted=allocation.granted,
                waiting=allocation.waiting,
                declined=allocation.declined,
                reason=allocation.reason,
                promise_date=allocation.promise_date,
            )
            changed |= after is not before
            self.lines[allocation.line_id] = after
        return changed

    def schedule_message(self, cause: str, now: datetime, timing: MessageTiming) -> None:
        """Decide, after event ``cause`` changed the order, whether and when a message is due.

        A line whose change needs no message gets its current status as the baseline, so that later changes are
        measured from it. So does every line of an order without a contact: there is nobody to send a message to.
        """
        if self.sequence < 0:
            return
        if self.contact_id is None:
            self._rebase()
            return
        changes = self.pending_changes()
        self.message_due = next_due(self.message_due, changes, now, timing)
        if changes:
            self.cause = cause
        changed_lines = {change.line_id for change in changes}
        for line_id, line in self.lines.items():
            if line_id not in changed_lines:
                self.lines[line_id] = line.rebased()

    def count_date_as_told(self, line_id: str, day: date | None) -> bool:
        """A notice of a delay tells the customer of this date: no message says it again, if it is the one that stands.

        False, and no change, where the line has another date, or its customer knows it. The notice says what silence
        means; a message that repeats the date without saying so would contradict it.
        """
        line = self.lines.get(line_id)
        if line is None or line.current().promise_date != day or line.baseline.promise_date == day:
            return False
        self.lines[line_id] = replace(line, baseline=replace(line.baseline, promise_date=day))
        if not self.pending_changes():
            self._rebase()
        return True

    def pending_changes(self) -> tuple[LineChange, ...]:
        """Everything that the customer has not been told, in the order of the lines."""
        return tuple(change for line in self.lines.values() for change in changes_of(line))

    def take_message(self) -> Message | None:
        """The message of all pending changes, which the baseline then includes; None if there are none."""
        message = compose_message(self.pending_changes())
        self._rebase()
        return message

    def baseline(self) -> dict[str, LineStatus]:
        """What the customer was last told of each line."""
        return {line_id: line.baseline for line_id, line in self.lines.items()}

    def restore_baseline(self, baseline: Baseline) -> None:
        """Go back to an earlier ``baseline``, because the messages since then were never sent.

        What has changed since becomes pending again.
        """
        self.lines = {
            line_id: replace(line, baseline=baseline.get(line_id, LineStatus())) for line_id, line in self.lines.items()
        }

    def _rebase(self) -> None:
        self.lines = {line_id: line.rebased() for line_id, line in self.lines.items()}
        self.message_due = None

    def _line(self, line_id: str, sku: str) -> LineProjection:
        return self.lines.get(line_id) or LineProjection(self.order_id, line_id, sku)


def total(by_location: Mapping[str, int]) -> int:
    """Units over all locations."""
    return sum(by_location.values())
