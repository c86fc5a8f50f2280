"""What allocation tells: how much of each line of an order is allocated, waits or was declined, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, TypedDict, Unpack

from tests.scenario.timeline import Timeline

from event_contracts import AllocationLine, AllocationState, Event, OrderState, Promise, new_event
from event_contracts.sources import ALLOCATION_SOURCE

AllocationEventName = Literal[
    "OrderAllocated",
    "OrderBackordered",
    "OrderDeclined",
    "BackorderAllocated",
    "AllocationReleased",
    "PromiseRevised",
]


@dataclass(frozen=True, kw_only=True)
class LineAnswer:
    """What allocation says of one line of an order."""

    line: int = 1
    """Its number, 1 for the first."""
    allocated: int | Mapping[str, int] = 0
    """Units by location, or those at the usual location."""
    waiting: int = 0
    declined: int = 0
    promise: date | None = None
    """The day that waiting units are promised for, or on which reserved units of a preorder leave."""
    reason: str = ""
    reason_code: str | None = None
    reason_parameters: dict[str, str | bool | int] | None = None
    line_version: int | None = None
    """The version of the line, if it is not the next one."""


class AnswerTerms(TypedDict, total=False):
    """What may be said of a whole answer."""

    name: AllocationEventName
    """``OrderAllocated`` if no other is said."""
    basis: int
    """The sequence of the order as given, if no other is said."""
    decided_at: datetime


@dataclass(kw_only=True)
class AllocationEvents(Timeline):
    """Allocation's events, each with the next version of its lines."""

    promises: dict[str, Promise] = field(default_factory=dict)

    def answer(self, order: OrderState, *answers: LineAnswer, **terms: Unpack[AnswerTerms]) -> Event:
        """An answer about lines of an order, with the next decision."""
        lines = tuple(self._line(order, answer) for answer in answers)
        number = self.next_version("decision", order.order_id)
        state = AllocationState(
            order_id=order.order_id,
            basis=terms.get("basis", order.sequence),
            decision_id=f"{order.order_id}-decision-{number}",
            decided_at=terms.get("decided_at") or self.next_moment(),
            lines=lines,
        )
        sequence = max((line.line_version for line in lines), default=0)
        name = terms.get("name", "OrderAllocated")
        return new_event(name, state, source=ALLOCATION_SOURCE, sequence=sequence, now=self.wall())

    def _line(self, order: OrderState, answer: LineAnswer) -> AllocationLine:
        known = order.lines[answer.line - 1]
        at = {self.location: answer.allocated} if isinstance(answer.allocated, int) else answer.allocated
        version = answer.line_version
        return AllocationLine(
            line_id=known.line_id,
            sku=known.sku,
            line_version=self.next_version("line", known.line_id) if version is None else version,
            allocated={location: units for location, units in at.items() if units},
            waiting=answer.waiting,
            declined=answer.declined,
            reason=answer.reason,
            reason_code=answer.reason_code,
            reason_parameters=answer.reason_parameters,
            promise=self._promise(known.line_id, answer.promise) if answer.waiting or answer.promise else None,
        )

    def _promise(self, line_id: str, day: date | None) -> Promise | None:
        """The promise of a line: none before a day was named for the first time; another day is its next revision."""
        known = self.promises.get(line_id)
        if known is None and day is None:
            return None
        if known is None or known.date != day:
            revision = self.next_version("promise", line_id)
            known = self.promises[line_id] = Promise(date=day, revision=revision, cause="inbound")
        return known
