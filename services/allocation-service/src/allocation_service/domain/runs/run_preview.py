"""What a run would do, before it does it: the plan, the promises that move, the exceptions and the sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from allocation_service.domain.promising.line_promise import LinePromise
from allocation_service.domain.promising.promise_renewal import Promisable, PromiseOutlook, TakenBack, renew
from allocation_service.domain.runs.run import Planned, RunDemand, RunSelection, Segment, Stock
from allocation_service.domain.runs.run_exceptions import LineException, exception
from allocation_service.domain.runs.run_planning import RunPlan, plan_run


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
    dates = requote(plan, stocks, outlooks, as_of)
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


def requote(
    plan: RunPlan, stocks: Mapping[str, Stock], outlooks: Mapping[str, PromiseOutlook], now: datetime
) -> dict[str, date | None]:
    """The dates of lines that lost units, as the run's commit finds them (``promise_renewal.renew``). Who gained keeps
    the date of the rest: a date is never moved forward before the stock is there."""
    promised = {sku: dict(one.promised) for sku, one in outlooks.items()}
    claimed = {sku: dict(one.claimed) for sku, one in outlooks.items()}
    losers: list[TakenBack] = []
    for one in plan.lines:
        if one.moves:
            line, waits = one.candidate, one.candidate.requested - one.new
            loses = one.change < 0
            more = (0 if loses else waits) - (waits + one.change)
            _count(promised[line.sku], line.promise_date, more)
            _count(claimed[line.sku], line.claim_date, more)
            if loses:
                promise = LinePromise(line.promise_date, line.claim_date, line.backed)
                losers.append(TakenBack(line.line_id, line.sku, waits, line.queued_at, promise))
    skus = {
        sku: Promisable(
            one._replace(promised=promised[sku], claimed=claimed[sku]), plan.left[sku], stocks[sku].policy.withholds
        )
        for sku, one in outlooks.items()
    }
    return {line_id: one.promise_date for line_id, one in renew(losers, skus, now).items()}


def _count(days: dict[date, int], day: date | None, units: int) -> None:
    if day is not None:
        days[day] = days.get(day, 0) + units


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
