"""What allocation answered, line by line, as any reader of the public `allocations` topic can know it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from event_contracts import AllocationState


@dataclass(frozen=True, slots=True)
class LineState:
    """A line after one decision; `granted` is cumulative, shipped units included."""

    decided_at: datetime
    granted: int
    waiting: int
    declined: int
    promised: date | None


@dataclass(slots=True)
class LineHistory:
    """All different states of one line, oldest first."""

    sku: str
    version: int
    states: list[LineState] = field(default_factory=list)

    @property
    def now(self) -> LineState:
        """The newest state."""
        return self.states[-1]


class NotAnswered(TimeoutError):
    """Allocation did not answer in time; the message counts and names orders."""


class Answers:
    """Collects answers as they come in. An answer may be seen before the HTTP call that caused it returns."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, LineHistory]] = {}
        self._basis: dict[str, int] = {}
        self._awaited: dict[str, int] = {}
        self._declined: list[tuple[str, int]] = []
        self._progress = asyncio.Event()

    def take(self, answer: AllocationState) -> None:
        """Note one answer; a line version already known changes nothing."""
        order = self._lines.setdefault(answer.order_id, {})
        for line in answer.lines:
            history = order.get(line.line_id)
            if history is None:
                history = order[line.line_id] = LineHistory(line.sku, -1)
            if line.line_version <= history.version:
                continue
            history.version = line.line_version
            declined_before = history.now.declined if history.states else 0
            if line.declined > declined_before:
                self._declined.append((line.sku, line.declined - declined_before))
            history.states.append(
                LineState(
                    decided_at=answer.decided_at,
                    granted=sum(line.allocated.values()),
                    waiting=line.waiting,
                    declined=line.declined,
                    promised=line.promise.date if line.promise and line.waiting else None,
                )
            )
        if answer.basis > self._basis.get(answer.order_id, -1):
            self._basis[answer.order_id] = answer.basis
        if self._awaited.get(answer.order_id, answer.basis + 1) <= answer.basis:
            del self._awaited[answer.order_id]
        self._progress.set()

    def expect(self, order_id: str, sequence: int) -> None:
        """An answer with at least this basis must come for the order."""
        if self._basis.get(order_id, -1) < sequence:
            self._awaited[order_id] = sequence

    async def until_complete(self, within: float) -> None:
        """Wait until every expected answer is there. Raises NotAnswered when none comes for `within` seconds."""
        while self._awaited:
            self._progress.clear()
            try:
                await asyncio.wait_for(self._progress.wait(), within)
            except TimeoutError:
                missing = list(self._awaited)
                raise NotAnswered(
                    f"allocation did not answer for {len(missing)} orders within {within:.0f} s: "
                    + ", ".join(missing[:5])
                ) from None

    def lines(self, order_id: str) -> dict[str, LineHistory]:
        """The lines of an order that were answered, by line id."""
        return self._lines.get(order_id, {})

    def waiting(self, order_id: str) -> dict[str, int]:
        """Units that wait, by line id; lines that wait for nothing are left out."""
        return {line_id: line.now.waiting for line_id, line in self.lines(order_id).items() if line.now.waiting}

    def waiting_units(self, order_ids: Iterable[str]) -> int:
        """Units that wait over these orders."""
        return sum(line.now.waiting for order_id in order_ids for line in self.lines(order_id).values())

    def newly_declined(self) -> Iterator[tuple[str, int]]:
        """(SKU, units) declined since the last call."""
        declined, self._declined = self._declined, []
        return iter(declined)
