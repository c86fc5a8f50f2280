"""What a run would do, before it does it: the plan, the promises that move, the exceptions and the sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from allocation_service.domain.allocating.deciding_new_demand import later
from allocation_service.domain.promising import promise_dates
from allocation_service.domain.promising.promise_dates import UNDATED
from allocation_service.domain.runs.run import Planned, RunDemand, RunSelection, Segment, Stock
from allocation_service.domain.runs.run_exceptions import LineException, exception
from allocation_service.domain.runs.run_planning import RunPlan, plan_run


class PromiseOutlook(NamedTuple):
    """What the promises of a SKU are made from, beside what is free; ``kept_back`` units are promised to nobody."""

    inbound: tuple[tuple[datetime, int], ...] = ()
    promised: Mapping[date, int] = {}
    claimed: Mapping[date, int] = {}
    lead_time_days: int = 0
    not_before: date | None = None
    kept_back: int = 0
    grace_days: int = 2


class Previewed(NamedTuple):
    """A line of the preview. Promises are those of the units that wait, None where there is no date or none
    wait; ``exception`` says what a person has to resolve, the line itself why it was left alone."""

    line: Planned
    promise_before: date | None
    promise_after: date | None
    exception: LineException | None = None

    @property
    def moves(self) -> bool:
        """Anything changes for the line."""
        return bool(self.line.moves) or self.promise_before != self.promise_after


class Preview(NamedTuple):
    """A plan with all that follows from it; ``plan`` holds only those who take part."""

    plan: RunPlan
    lines: tuple[Previewed, ...]


def preview_run(
    stocks: Mapping[str, Stock],
    outlooks: Mapping[str, PromiseOutlook],
    selection: RunSelection,
    segments: Sequence[Segment],
    as_of: datetime,
) -> Preview:
    """What a run does at a moment: those served first stand first, who is left alone last."""
    plan = plan_run(stocks, selection.movable, segments, as_of)
    dates = requote(plan, outlooks, as_of)
    lines = []
    for one in plan.lines:
        candidate = one.candidate
        before = _promise(candidate, one.new - one.change, candidate.promise_date)
        after = _promise(candidate, one.new, dates.get(candidate.line_id, candidate.promise_date))
        strategy = segments[one.segment].strategy
        lines.append(Previewed(one, before, after, exception(one, strategy, after, as_of.date())))
    for (candidate, segment), left_alone in selection.untouched:
        kept = Planned(candidate, segment, candidate.confirmed_units, (), left_alone)
        promised = _promise(candidate, kept.new, candidate.promise_date)
        lines.append(Previewed(kept, promised, promised))
    return Preview(plan, tuple(lines))


def _promise(candidate: RunDemand, confirmed: int, day: date | None) -> date | None:
    """The date of what waits."""
    return day if confirmed < candidate.requested else None


def requote(plan: RunPlan, outlooks: Mapping[str, PromiseOutlook], now: datetime) -> dict[str, date | None]:
    """The dates of lines that lost units: each quoted anew for all that waits of it, never earlier than before.

    Who gained keeps the date of the rest: a date is never moved forward before the stock is there. The twin of
    what is done when units were taken back: the line that was ordered first has the first choice.
    """
    promised = {sku: dict(one.promised) for sku, one in outlooks.items()}
    claimed = {sku: dict(one.claimed) for sku, one in outlooks.items()}
    losers: list[tuple[RunDemand, int]] = []
    for one in plan.lines:
        if one.moves:
            candidate, change = one.candidate, one.change
            _count(promised[candidate.sku], candidate.promise_date, -change)
            _count(claimed[candidate.sku], candidate.claim_date, -change)
            if change < 0:
                losers.append((candidate, candidate.requested - one.new))
    expected = {
        sku: promise_dates.expected_supply(max(0, plan.left[sku] - one.kept_back), one.inbound, now, one.grace_days)
        for sku, one in outlooks.items()
    }
    dates: dict[str, date | None] = {}
    for candidate, units in losers:
        _count(promised[candidate.sku], candidate.promise_date, -units)
        _count(claimed[candidate.sku], candidate.claim_date, -units)
    for candidate, units in sorted(losers, key=lambda pair: (pair[0].queued_at, pair[0].line_id)):
        outlook, days, claims = outlooks[candidate.sku], promised[candidate.sku], claimed[candidate.sku]
        day, backed = promise_dates.promise(
            expected[candidate.sku],
            claims,
            days,
            units,
            now,
            lead_time_days=outlook.lead_time_days,
            not_before=outlook.not_before,
        )
        dates[candidate.line_id] = later(candidate.promise_date, day) if day is not None else None
        _count(days, dates[candidate.line_id], units)
        _count(claims, day if backed else _claim(candidate), units)
    return dates


def _claim(candidate: RunDemand) -> date:
    """From when a line that no supply covers claims some: units that were served at once, since they were ordered."""
    return candidate.queued_at.date() if candidate.claim_date == UNDATED else candidate.claim_date


def _count(promised: dict[date, int], day: date | None, units: int) -> None:
    if day is not None and units:
        left = promised.get(day, 0) + units
        if left:
            promised[day] = left
        else:
            promised.pop(day, None)


def summary(preview: Preview, segments: Sequence[Segment]) -> dict[str, Any]:
    """The sums of a preview; ``value`` is in minor units of the currency."""
    by_segment = [_Sums() for _ in segments]
    total = _Sums()
    for one in preview.lines:
        total.count(one)
        by_segment[one.line.segment].count(one)
    return {
        **total.shown(),
        "left_free": sum(preview.plan.left.values()),
        "segments": [
            {"name": segment.name, "strategy": segment.strategy.value, **sums.shown()}
            for segment, sums in zip(segments, by_segment, strict=True)
        ],
    }


class _Sums:
    def __init__(self) -> None:
        self.lines = self.untouched = self.exceptions = 0
        self.gains, self.losses, self.promises = [0, 0, 0], [0, 0, 0], [0, 0]

    def count(self, one: Previewed) -> None:
        self.lines += 1
        self.untouched += bool(one.line.left_alone)
        self.exceptions += bool(one.exception)
        if one.line.moves:
            change = one.line.change
            sums = self.gains if change > 0 else self.losses
            sums[0] += 1
            sums[1] += abs(change)
            sums[2] += abs(change) * one.line.candidate.unit_value
        if one.promise_before != one.promise_after:
            # Nothing waits any more, or it comes later; a run never brings a date forward.
            self.promises[0 if one.line.new == one.line.candidate.requested else 1] += 1

    def shown(self) -> dict[str, Any]:
        return {
            "lines": self.lines,
            "left_alone": self.untouched,
            "exceptions": self.exceptions,
            "gains": dict(zip(("lines", "units", "value"), self.gains, strict=True)),
            "losses": dict(zip(("lines", "units", "value"), self.losses, strict=True)),
            "promises_fulfilled": self.promises[0],
            "promises_moved": self.promises[1],
        }
