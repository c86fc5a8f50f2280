"""Use case: take over what allocation decided about orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from event_contracts import AllocationLine, AllocationState, Event, Promise
from order_service.application.errors import UnexpectedAllocation
from order_service.application.history import HistoryEntry, JsonValue, line_figures
from order_service.application.ports import OrderHeader, OrderUnitOfWork, OrderWatch, OwnedLine
from order_service.application.promises.record_promises import ToldLine, record_promises
from order_service.domain.lines import Line, LineAllocation, PromisedDate, Reason
from service_kit.messaging.believed_times import believable
from service_kit.runtime.business_clock import BusinessClock

ALLOCATION_EVENTS = frozenset(
    {
        "OrderAllocated",
        "OrderBackordered",
        "OrderDeclined",
        "BackorderAllocated",
        "AllocationReleased",
        "PromiseRevised",
    }
)
"""The events of allocation. All have the same payload: the whole state of the lines that the decision was about."""


async def apply_allocations(
    uow: OrderUnitOfWork, events: Sequence[Event], *, business_clock: BusinessClock, watch: OrderWatch
) -> None:
    """Apply a batch of allocation events; they may come in any order and repeatedly: only newer line versions count.

    Once the transaction commits, the business clock learns when the decisions were made, and whoever waits for one
    of the changed orders is woken. Decision times that cannot be believed are replaced (protocol rule 20). Raises
    UnexpectedAllocation for an order or line that was never placed here.
    """
    events = believable(events, uow.now)
    reports = [(event, event.payload) for event in events if isinstance(event.payload, AllocationState)]
    if not reports:
        return
    uow.after_commit(partial(business_clock.saw, max(state.decided_at for _, state in reports)))
    headers = await uow.lines.lock_orders({state.order_id for _, state in reports})
    lines = await uow.lines.find({line.line_id for _, state in reports for line in state.lines})
    changes = [change for event, state in reports if (change := _apply(event, state, headers, lines)) is not None]
    if not changes:
        return
    await _save(uow, changes, headers)
    told = [
        ToldLine(change.state.order_id, headers[change.state.order_id].legal, line, change.state.decided_at)
        for change in changes
        for line in change.lines
    ]
    await record_promises(uow, told, business_clock.now())
    uow.after_commit(partial(watch.wake, {change.state.order_id for change in changes}))


@dataclass(frozen=True, slots=True)
class _AppliedEvent:
    """An event that changed something: the lines it changed, and their figures right after it."""

    event: Event
    state: AllocationState
    version: int
    lines: Sequence[Line]
    figures: Sequence[JsonValue]

    def history_entry(self, order_state: str) -> HistoryEntry:
        """Its history entry; ``order_state`` is the order's state after the whole batch."""
        detail: dict[str, JsonValue] = {"lines": self.figures, "decision_id": self.state.decision_id}
        decided_at = self.state.decided_at
        return HistoryEntry(self.state.order_id, self.version, self.event.name, order_state, decided_at, detail)


def _apply(
    event: Event, state: AllocationState, headers: Mapping[str, OrderHeader], lines: Mapping[str, OwnedLine]
) -> _AppliedEvent | None:
    header = headers.get(state.order_id)
    if header is None:
        raise UnexpectedAllocation(f"{event.name} {event.id} is about order {state.order_id}, which is unknown here")
    changed = [line for reported in state.lines if (line := _apply_line(state, reported, lines)) is not None]
    if not changed:
        return None
    header.version += 1
    figures = [line_figures(line) for line in changed]
    # Each date that is named is recorded, even if a later event of the batch names another.
    told = [line.copy() for line in changed] if header.legal.are_watched else changed
    return _AppliedEvent(event, state, header.version, told, figures)


def _apply_line(state: AllocationState, reported: AllocationLine, lines: Mapping[str, OwnedLine]) -> Line | None:
    """The line, if anything visible of it changed."""
    owned = lines.get(reported.line_id)
    if owned is None or owned.order_id != state.order_id:
        raise UnexpectedAllocation(f"line {reported.line_id} is not known as a line of order {state.order_id}")
    return owned.line if owned.line.apply(_line_allocation(state, reported)) else None


def _line_allocation(state: AllocationState, reported: AllocationLine) -> LineAllocation:
    return LineAllocation(
        line_id=reported.line_id,
        line_version=reported.line_version,
        basis=state.basis,
        decided_at=state.decided_at,
        granted=reported.allocated,
        waiting=reported.waiting,
        declined=reported.declined,
        reason=Reason(reported.reason, reported.reason_code, reported.reason_parameters or {}),
        promise=_promised(reported.promise) if reported.promise else None,
    )


def _promised(promise: Promise) -> PromisedDate:
    confidence = None if promise.confidence is None else promise.confidence / 100
    return PromisedDate(
        promise.date,
        promise.revision,
        promise.cause,
        promise.ship_by,
        promise.deliver_by,
        confidence,
        promise.table_version,
    )


async def _save(uow: OrderUnitOfWork, changes: Sequence[_AppliedEvent], headers: Mapping[str, OrderHeader]) -> None:
    changed_lines = {line.line_id: line for change in changes for line in change.lines}
    await uow.lines.save([changed_lines[line_id] for line_id in sorted(changed_lines)])
    order_ids = sorted({change.state.order_id for change in changes})
    totals = await uow.lines.totals(order_ids)
    await uow.lines.save_orders(
        [(headers[order_id], totals[order_id]) for order_id in order_ids],
        [change.history_entry(totals[change.state.order_id].totals.state.value) for change in changes],
    )
