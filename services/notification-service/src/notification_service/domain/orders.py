"""An order as seen from here: what is known of it, what its customer knows, and when to tell the difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from notification_service.domain.lines import LineChange, Told, WatchedLine, changes_of
from notification_service.domain.messages import Due, Holding, Message, compose, hold


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line in an order's report; ``shipped`` counts all locations."""

    line_id: str
    sku: str
    quantity: int
    cancelled: int
    shipped: int


@dataclass(frozen=True, slots=True)
class OrderReport:
    """The whole order at its ``sequence``, as the order service reports it."""

    order_id: str
    sequence: int
    reference: str
    contact_id: str | None
    customer_id: str | None
    placed_at: datetime
    lines: tuple[OrderedLine, ...]


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """Allocation's absolute state of a line at ``version``; ``allocated`` counts all locations, cumulative."""

    line_id: str
    sku: str
    version: int
    allocated: int
    waiting: int
    declined: int
    reason: str
    promise_date: date | None


@dataclass(slots=True)
class WatchedOrder:
    """The aggregate: its row is locked while it is changed.

    ``sequence`` is -1 until the order's own report arrives; allocation's answers may be faster.
    ``cause`` is the id of the newest event that brought something to tell.
    """

    order_id: str
    sequence: int = -1
    reference: str = ""
    contact_id: str | None = None
    customer_id: str | None = None
    placed_at: datetime | None = None
    due: Due | None = None
    cause: str | None = None
    lines: dict[str, WatchedLine] = field(default_factory=dict)

    def ordered(self, report: OrderReport) -> bool:
        """Take in the order's report; False (and no change) where a newer one is known."""
        if report.sequence <= self.sequence:
            return False
        self.sequence, self.reference = report.sequence, report.reference
        self.contact_id, self.customer_id = report.contact_id, report.customer_id
        self.placed_at = report.placed_at
        for line in report.lines:
            self.lines[line.line_id] = self._line(line.line_id, line.sku).ordered(
                sequence=report.sequence, quantity=line.quantity, cancelled=line.cancelled, shipped=line.shipped
            )
        return True

    def answered(self, answers: Iterable[LineAnswer]) -> bool:
        """Take in allocation's answers; False where newer ones are known for all of the lines."""
        changed = False
        for answer in answers:
            before = self._line(answer.line_id, answer.sku)
            after = before.answered(
                version=answer.version,
                allocated=answer.allocated,
                waiting=answer.waiting,
                declined=answer.declined,
                reason=answer.reason,
                promise_date=answer.promise_date,
            )
            changed |= after is not before
            self.lines[answer.line_id] = after
        return changed

    def review(self, cause: str, now: datetime, holding: Holding) -> None:
        """Decide, after a change that event ``cause`` brought, whether and when there is something to tell.

        Where a line's new state needs no words it counts as known, so that later changes are measured from it.
        An order without a contact has nobody to be told.
        """
        if self.sequence < 0:
            return
        if self.contact_id is None:
            self._catch_up()
            return
        changes = self.untold()
        self.due = hold(self.due, changes, now, holding)
        if changes:
            self.cause = cause
        loud = {change.line_id for change in changes}
        for line_id, line in self.lines.items():
            if line_id not in loud:
                self.lines[line_id] = line.caught_up()

    def untold(self) -> tuple[LineChange, ...]:
        """Everything that the customer does not know yet, in the order of the lines."""
        return tuple(change for line in self.lines.values() for change in changes_of(line))

    def tell(self) -> Message | None:
        """The message of all that is untold, which counts as told from here on; None if nothing is left."""
        message = compose(self.untold())
        self._catch_up()
        return message

    def told(self) -> dict[str, Told]:
        """What the customer knows of each line."""
        return {line_id: line.told for line_id, line in self.lines.items()}

    def untell(self, before: Mapping[str, Told]) -> None:
        """Take back what was only meant to be told: the customer knows ``before``, and nothing of other lines."""
        self.lines = {line_id: replace(line, told=before.get(line_id, Told())) for line_id, line in self.lines.items()}

    def _catch_up(self) -> None:
        self.lines = {line_id: line.caught_up() for line_id, line in self.lines.items()}
        self.due = None

    def _line(self, line_id: str, sku: str) -> WatchedLine:
        return self.lines.get(line_id) or WatchedLine(self.order_id, line_id, sku)


def total(by_location: Mapping[str, int]) -> int:
    """Units over all locations."""
    return sum(by_location.values())
