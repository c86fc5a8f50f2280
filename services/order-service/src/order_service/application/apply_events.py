"""Take over what allocation answers and what inventory says of SKUs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from event_contracts import AllocationLine, AllocationState, Event, SkuPolicy
from order_service.application.history import HistoryEntry, JsonValue, line_figures
from order_service.application.ports import AnswerStore
from order_service.domain.errors import ForeignAnswer
from order_service.domain.lines import Answer, Line, PromisedDate, Reason

ANSWERS = frozenset(
    {
        "OrderAllocated",
        "OrderBackordered",
        "OrderDeclined",
        "BackorderAllocated",
        "AllocationReleased",
        "PromiseRevised",
    }
)
"""The events of allocation: one payload, absolute state."""

HANDLED = ANSWERS | {"SkuPolicyChanged"}


async def apply_events(store: AnswerStore, events: Sequence[Event], now: datetime) -> frozenset[str]:
    """Apply a batch in any order, repeated or not: only newer line versions count.

    Returns the ids of the orders that changed. Raises ForeignAnswer for an order or line never placed here.
    """
    policies = [event.payload for event in events if isinstance(event.payload, SkuPolicy)]
    if policies:
        await store.save_policies(_newest(policies))
    return await _apply_answers(store, events, now)


def _newest(policies: Sequence[SkuPolicy]) -> list[SkuPolicy]:
    newest: dict[str, SkuPolicy] = {}
    for policy in policies:
        known = newest.get(policy.sku)
        if known is None or policy.version > known.version:
            newest[policy.sku] = policy
    return [newest[sku] for sku in sorted(newest)]


@dataclass(frozen=True, slots=True)
class _Applied:
    """One event that changed something, with its lines' figures as it left them."""

    event: Event
    state: AllocationState
    version: int
    figures: list[JsonValue]

    def entry(self, order_state: str) -> HistoryEntry:
        """Its history entry; the order's state is the one after the whole batch."""
        detail: dict[str, JsonValue] = {"lines": self.figures, "decision_id": self.state.decision_id}
        occurred_at = self.state.decided_at
        return HistoryEntry(self.state.order_id, self.version, self.event.name, order_state, occurred_at, detail)


async def _apply_answers(store: AnswerStore, events: Sequence[Event], now: datetime) -> frozenset[str]:
    answers = [(event, event.payload) for event in events if isinstance(event.payload, AllocationState)]
    if not answers:
        return frozenset()
    headers = await store.lock_headers({state.order_id for _, state in answers})
    lines = await store.lines({answer.line_id for _, state in answers for answer in state.lines})
    changed_lines: dict[str, Line] = {}
    applied: list[_Applied] = []
    for event, state in answers:
        if state.order_id not in headers:
            raise ForeignAnswer(f"{event.name} {event.id} answers for order {state.order_id}, unknown here")
        touched = [line for answer in state.lines if (line := _apply_line(lines, state, answer)) is not None]
        if touched:
            headers[state.order_id].version += 1
            changed_lines.update((line.line_id, line) for line in touched)
            figures: list[JsonValue] = [line_figures(line) for line in touched]
            applied.append(_Applied(event, state, headers[state.order_id].version, figures))
    if not applied:
        return frozenset()
    await store.save_lines([changed_lines[line_id] for line_id in sorted(changed_lines)])
    changed = sorted({one.state.order_id for one in applied})
    totals = await store.totals(changed)
    await store.save_headers(
        [(headers[order_id], *totals[order_id]) for order_id in changed],
        [one.entry(totals[one.state.order_id][0].state.value) for one in applied],
        now,
    )
    return frozenset(changed)


def _apply_line(lines: dict[str, tuple[str, Line]], state: AllocationState, answer: AllocationLine) -> Line | None:
    known = lines.get(answer.line_id)
    if known is None or known[0] != state.order_id:
        raise ForeignAnswer(f"an answer for order {state.order_id} names line {answer.line_id}, unknown there")
    line = known[1]
    return line if line.apply(_answer(state, answer)) else None


def _answer(state: AllocationState, answer: AllocationLine) -> Answer:
    promise = answer.promise
    return Answer(
        line_id=answer.line_id,
        line_version=answer.line_version,
        basis=state.basis,
        decided_at=state.decided_at,
        allocated=answer.allocated,
        waiting=answer.waiting,
        declined=answer.declined,
        reason=Reason(answer.reason, answer.reason_code, answer.reason_parameters or {}),
        promise=PromisedDate(promise.date, promise.revision, promise.cause) if promise else None,
    )
