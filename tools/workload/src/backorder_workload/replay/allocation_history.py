"""The decisions that allocation published, line by line, as any consumer of the `allocations` topic knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from event_contracts import AllocationState


@dataclass(frozen=True, slots=True)
class LineState:
    """A line after a decision. `granted` includes shipped units."""

    decided_at: datetime
    granted: int
    waiting: int
    declined: int
    promised: date | None


@dataclass(slots=True)
class LineHistory:
    """Every state of a line, oldest first."""

    sku: str
    version: int
    states: list[LineState] = field(default_factory=list)

    @property
    def now(self) -> LineState:
        """The newest state."""
        return self.states[-1]


class NotDecided(TimeoutError):
    """Allocation did not decide in time; the message says how many orders and names the first."""


class AllocationHistory:
    """Collects decisions as they are published, which may be before the HTTP call that caused one returns."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, LineHistory]] = {}
        self._basis: dict[str, int] = {}
        self._awaited: dict[str, int] = {}
        self._declined: list[tuple[str, int]] = []
        self._progress = asyncio.Event()

    def record(self, state: AllocationState) -> None:
        """Record a published state; line versions that are already known are ignored."""
        order = self._lines.setdefault(state.order_id, {})
        for line in state.lines:
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
                    decided_at=state.decided_at,
                    granted=sum(line.allocated.values()),
                    waiting=line.waiting,
                    declined=line.declined,
                    promised=line.promise.date if line.promise and line.waiting else None,
                )
            )
        if state.basis > self._basis.get(state.order_id, -1):
            self._basis[state.order_id] = state.basis
        if self._awaited.get(state.order_id, state.basis + 1) <= state.basis:
            del self._awaited[state.order_id]
        self._progress.set()

    def expect(self, order_id: str, sequence: int) -> None:
        """Expect a decision about the order that is based on at least this sequence."""
        if self._basis.get(order_id, -1) < sequence:
            self._awaited[order_id] = sequence

    async def until_complete(self, within: float) -> None:
        """Wait for every expected decision. Raises NotDecided if none arrives for `within` seconds."""
        while self._awaited:
            self._progress.clear()
            try:
                await asyncio.wait_for(self._progress.wait(), within)
            except TimeoutError:
                missing = list(self._awaited)
                raise NotDecided(
                    f"allocation did not decide {len(missing)} orders within {within:.0f} s: " + ", ".join(missing[:5])
                ) from None

    def lines(self, order_id: str) -> dict[str, LineHistory]:
        """The lines of an order that have been decided, by line id."""
        return self._lines.get(order_id, {})

    def waiting(self, order_id: str) -> dict[str, int]:
        """Waiting units by line id; lines without any are left out."""
        return {line_id: line.now.waiting for line_id, line in self.lines(order_id).items() if line.now.waiting}

    def waiting_units(self, order_ids: Iterable[str]) -> int:
        """Waiting units of all these orders."""
        return sum(line.now.waiting for order_id in order_ids for line in self.lines(order_id).values())

    def newly_declined(self) -> Iterator[tuple[str, int]]:
        """(SKU, units) declined since the last call."""
        declined, self._declined = self._declined, []
        return iter(declined)
