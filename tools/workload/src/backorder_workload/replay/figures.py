"""The figures of a replay: what became of the orders, how long units waited, which promises were kept."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from itertools import pairwise

from backorder_workload.replay.allocation_history import AllocationHistory, LineHistory


@dataclass(slots=True)
class PlacedOrder:
    """A placed order as the replay knows it from its own calls."""

    order_id: str
    placed_at: datetime
    lines: int
    units: int
    sequence: int = 1
    cancelled_units: int = 0
    shipped_units: int = 0


@dataclass(slots=True)
class Waits:
    """Simulated days from placing to allocation, over the backordered units that were filled."""

    mean_days: float | None = None
    p95_days: float | None = None


@dataclass(slots=True)
class Promises:
    """One promise per backordered line, judged by its first promise date.

    Kept: the last waiting unit was allocated on or before the date. Withdrawn: the units were cancelled or declined
    by then. Open: the date is later than the end of the replay. `kept_as_revised` judges by the last promise date
    before the units were allocated.
    """

    made: int = 0
    without_a_date: int = 0
    kept: int = 0
    broken: int = 0
    withdrawn: int = 0
    open: int = 0
    revised: int = 0
    kept_as_revised: int = 0

    @property
    def kept_share(self) -> float | None:
        """Share of kept promises among kept and broken ones; None if there is neither."""
        judged = self.kept + self.broken
        return self.kept / judged if judged else None


@dataclass(slots=True)
class Figures:
    """What became of the orders of a replay, in units unless the name says otherwise."""

    orders: int = 0
    lines: int = 0
    units: int = 0
    filled_at_once: int = 0
    backordered: int = 0
    backordered_lines: int = 0
    filled_later: int = 0
    taken_back: int = 0
    declined: int = 0
    cancelled: int = 0
    shipped: int = 0
    still_waiting: int = 0
    waits: Waits = field(default_factory=Waits)
    promises: Promises = field(default_factory=Promises)

    def as_data(self) -> dict[str, object]:
        """The figures as JSON data."""
        data = asdict(self)
        data["promises"]["kept_share"] = self.promises.kept_share
        return data


def figures_of(orders: Iterable[PlacedOrder], history: AllocationHistory, *, until: date) -> Figures:
    """The figures over all orders; `until` is the last simulated day."""
    figures = Figures()
    later: list[tuple[float, int]] = []
    for order in orders:
        figures.orders += 1
        figures.lines += order.lines
        figures.units += order.units
        figures.cancelled += order.cancelled_units
        figures.shipped += order.shipped_units
        for line in history.lines(order.order_id).values():
            _count_line(figures, order, line, later, until)
    figures.waits = _waits(later)
    return figures


def _count_line(
    figures: Figures, order: PlacedOrder, line: LineHistory, later: list[tuple[float, int]], until: date
) -> None:
    # Deliveries precede the day's orders: what was granted on the day of placing came from stock.
    on_first_day = [state for state in line.states if state.decided_at.date() <= order.placed_at.date()]
    start = on_first_day[-1] if on_first_day else line.states[0]
    figures.filled_at_once += start.granted
    figures.declined += line.now.declined
    figures.still_waiting += line.now.waiting
    if start.waiting:
        figures.backordered += start.waiting
        figures.backordered_lines += 1
        _count_promise(figures.promises, line, len(on_first_day) - 1 if on_first_day else 0, until)
    granted = start.granted
    for state in line.states[len(on_first_day) :]:
        if state.granted > granted:
            units = state.granted - granted
            figures.filled_later += units
            later.append(((state.decided_at - order.placed_at).total_seconds() / 86_400, units))
        else:
            figures.taken_back += granted - state.granted
        granted = state.granted


def _count_promise(promises: Promises, line: LineHistory, start: int, until: date) -> None:
    states = line.states[start:]
    first = states[0].promised
    if first is None:
        promises.without_a_date += 1
        return
    promises.made += 1
    named = first
    for before, state in pairwise(states):
        if state.waiting and state.promised is not None and state.promised != named:
            promises.revised += 1
            named = state.promised
        if state.waiting == 0:
            day = state.decided_at.date()
            if state.granted > before.granted:
                promises.kept += day <= first
                promises.broken += day > first
                promises.kept_as_revised += day <= named
            else:
                promises.withdrawn += day <= first
                promises.broken += day > first
            return
    promises.open += first >= until
    promises.broken += first < until


def _waits(later: list[tuple[float, int]]) -> Waits:
    """Mean and 95th percentile over units."""
    units = sum(count for _, count in later)
    if not units:
        return Waits()
    later.sort()
    mean = sum(days * count for days, count in later) / units
    rank, seen = math.ceil(0.95 * units), 0
    for days, count in later:
        seen += count
        if seen >= rank:
            return Waits(mean, days)
    raise AssertionError("the last unit has rank 1.0")
