"""Previews of runs: who gains, who loses, and what is promised to each afterwards."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from tests.unit.allocation.drawing_runs import LATE, NOW, SOON, line, runs, segments, stock

from allocation_service.domain.policies.policy import Policy, Quota
from allocation_service.domain.promising.promise_dates import UNDATED
from allocation_service.domain.promising.promise_renewal import PromiseOutlook
from allocation_service.domain.runs.run import (
    Assigned,
    RunDemand,
    RunSelection,
    Segment,
    Stock,
    Strategy,
    select,
)
from allocation_service.domain.runs.run_exceptions import ExceptionCode, LineException
from allocation_service.domain.runs.run_planning import RunPlan
from allocation_service.domain.runs.run_preview import Preview, preview_run, summary


def _preview(run: tuple[dict[str, Stock], list[RunDemand], list[Segment]]) -> Preview:
    stocks, lines, made = run
    promised: dict[str, dict[date, int]] = {sku: {} for sku in stocks}
    for one in lines:
        waiting = one.requested - one.confirmed_units
        if waiting and one.promise_date:
            days = promised[one.sku]
            days[one.promise_date] = days.get(one.promise_date, 0) + waiting
    outlooks = {
        sku: PromiseOutlook(((NOW + timedelta(days=5), 4),), promised[sku], promised[sku], 14) for sku in stocks
    }
    return preview_run(stocks, outlooks, select(lines, made), made, NOW)


@given(runs())
def test_no_promise_is_brought_forward_and_those_who_may_not_lose_keep_theirs(
    run: tuple[dict[str, Stock], list[RunDemand], list[Segment]],
) -> None:
    for one in _preview(run).lines:
        before, after = one.promise_before, one.promise_after
        if before and after:
            assert after >= before
        if run[2][one.line.segment].strategy in (Strategy.GAIN, Strategy.IMPROVE, Strategy.SKIP) and after:
            assert after == before


@given(runs())
def test_the_sums_of_a_preview_are_those_of_its_segments(
    run: tuple[dict[str, Stock], list[RunDemand], list[Segment]],
) -> None:
    preview = _preview(run)
    shown = summary(preview, run[2])
    assert shown["lines"] == len(preview.lines) == sum(one["lines"] for one in shown["segments"])
    free = sum(max(0, place.free) for one in run[0].values() for place in one.locations)
    assert shown["left_free"] == free - shown["gains"]["units"] + shown["losses"]["units"]


def exceptions(free: int, *lines: RunDemand, promised: dict[date, int] | None = None) -> dict[str, LineException]:
    every = segments(*Strategy)
    undated = sum(one.requested - one.confirmed_units for one in lines if one.promise_date is None)
    claimed = (promised or {}) | ({UNDATED: undated} if undated else {})
    outlook = {"A": PromiseOutlook((), promised or {}, claimed, 14)}
    preview = preview_run({"A": stock(free)}, outlook, select(lines, every), every, NOW)
    return {one.line.candidate.line_id: one.exception for one in preview.lines if one.exception}


def test_a_winner_that_is_not_confirmed_on_time_is_an_exception() -> None:
    assert exceptions(5, line("a", 5, tier="win")) == {}
    assert exceptions(4, line("a", 5, tier="win", promise_date=LATE, needed_by=SOON), promised={LATE: 5}) == {
        "a": LineException(
            ExceptionCode.SHORT_AND_LATE, {"confirmed": 4, "requested": 5, "expected": LATE, "due": SOON}
        )
    }
    assert exceptions(4, line("a", 5, tier="win", promise_date=SOON, needed_by=LATE), promised={SOON: 5}) == {}
    assert exceptions(4, line("a", 5, tier="win")) == {
        "a": LineException(ExceptionCode.SHORT_WITHOUT_DATE, {"confirmed": 4, "requested": 5})
    }
    overdue = line("a", 5, tier="win", needed_by=date(2026, 3, 1))
    assert exceptions(5, overdue) == {"a": LineException(ExceptionCode.CONFIRMED_LATE, {"needed_by": date(2026, 3, 1)})}


def test_a_winner_that_gives_way_to_another_and_had_no_date_is_an_exception_with_its_new_date() -> None:
    first, second = line("a", 5, tier="win"), line("b", 5, 5, tier="win")
    assert exceptions(0, first, second) == {
        "b": LineException(
            ExceptionCode.SHORT_AND_DATED, {"confirmed": 0, "requested": 5, "expected": NOW.date() + timedelta(14)}
        )
    }


def test_gain_tells_of_a_promise_that_has_passed_and_improve_does_not() -> None:
    passed = date(2026, 3, 1)
    one = line("a", 5, 2, tier="gain", promise_date=passed)
    assert exceptions(0, one) == {"a": LineException(ExceptionCode.PROMISE_PASSED, {"promised": passed})}
    assert exceptions(0, one._replace(promise_date=None)) == {"a": LineException(ExceptionCode.REST_WITHOUT_DATE)}
    assert exceptions(0, one._replace(tier="improve")) == {}


def test_a_line_that_is_skipped_or_left_alone_is_shown_unchanged() -> None:
    made = [Segment("all", Strategy.SKIP)]
    one = line("a", 5, 2, promise_date=SOON)
    preview = preview_run({"A": stock(9)}, {"A": PromiseOutlook()}, select([one], made), made, NOW)
    assert [(row.line.new, row.moves, row.promise_after) for row in preview.lines] == [(2, False, SOON)]
    assert preview.plan == RunPlan((), {"A": 9})
    assert isinstance(select([one], made), RunSelection)
    assert select([one], made).untouched == ((Assigned(one, 0), None),)


def test_who_loses_is_promised_what_the_winner_leaves_behind() -> None:
    every = segments(*Strategy)
    winner, loser = line("w", 3, tier="win", promise_date=SOON), line("l", 3, 3, tier="lose")
    coming = datetime(SOON.year, SOON.month, SOON.day, tzinfo=UTC)
    outlook = {"A": PromiseOutlook(((coming, 3),), {SOON: 3}, {SOON: 3}, 60)}
    preview = preview_run({"A": stock()}, outlook, select([winner, loser], every), every, NOW)
    assert [(one.line.candidate.line_id, one.promise_after) for one in preview.lines] == [("w", None), ("l", SOON)]


def test_those_who_lose_are_promised_one_after_another() -> None:
    every = segments(*Strategy)
    lines = [line("w", 4, tier="win"), line("a", 2, 2, tier="lose"), line("b", 2, 2, tier="lose")]
    outlook = {"A": PromiseOutlook(((NOW + timedelta(days=5), 2),), {}, {UNDATED: 4}, 60)}
    preview = preview_run({"A": stock()}, outlook, select(lines, every), every, NOW)
    dates = {one.line.candidate.line_id: one.promise_after for one in preview.lines}
    assert dates == {"w": None, "a": date(2026, 3, 7), "b": date(2026, 5, 1)}


@pytest.mark.parametrize("policy", [Policy(), Policy(quotas=(Quota("channel", "web", 5),)), Policy(bypass_limit=1)])
def test_who_loses_is_promised_no_stock_that_may_be_kept_from_those_who_wait(policy: Policy) -> None:
    every = segments(*Strategy)
    lines = [line("a", 2, 2, tier="lose"), line("b", 2, 2, tier="lose"), line("w", 3, tier="skip")]
    outlook = {"A": PromiseOutlook((), {}, {UNDATED: 3}, 60)}
    stocks = {"A": stock(9)._replace(policy=policy)}
    preview = preview_run(stocks, outlook, select(lines, every), every, NOW)
    dates = {one.line.candidate.line_id: one.promise_after for one in preview.lines if one.moves}
    day = NOW.date() + timedelta(days=60) if policy.withholds else NOW.date()
    assert dates == {"a": day, "b": day}
