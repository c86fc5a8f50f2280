"""Runs: each strategy keeps its word, nothing is lost or made, and the same inputs give the same plan."""

import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation_service.domain.decisions.recorded_fill import StoredLine
from allocation_service.domain.decisions.recorded_run import stored_planned, stored_run
from allocation_service.domain.decisions.replaying import replay
from allocation_service.domain.policies.policy import NO_DATE, Location, Policy, Quota, Sort
from allocation_service.domain.promising.promise_dates import UNDATED
from allocation_service.domain.promising.promise_renewal import PromiseOutlook
from allocation_service.domain.runs.run import (
    Assigned,
    Filter,
    LeftAlone,
    RunDemand,
    RunSelection,
    Segment,
    Stock,
    Strategy,
    meets,
    select,
)
from allocation_service.domain.runs.run_exceptions import ExceptionCode, LineException
from allocation_service.domain.runs.run_planning import RunPlan, plan_run
from allocation_service.domain.runs.run_preview import Preview, preview_run, summary

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SOON, LATE = date(2026, 3, 10), date(2026, 4, 10)
SKUS, PLACES = ("A", "B"), ("X", "Y")


def line(
    name: str, requested: int, confirmed: int = 0, *, sku: str = "A", order: str | None = None, **more: object
) -> RunDemand:
    """A candidate that holds its units at X; names sort as they were queued."""
    place = (("X", confirmed),) if confirmed else ()
    queued_at = NOW - timedelta(days=30) + timedelta(minutes=sum(map(ord, name)))
    told = more.get("promise_date")
    claim = {"claim_date": told, "backed": True} if told else {}
    values: dict[str, Any] = {**claim, **more}
    return RunDemand(name, order or f"order {name}", sku, requested, place, queued_at, **values)


def stock(free: int = 0, sku: str = "A", other: int = 0) -> Stock:
    return Stock(sku, (Location("X", 1, free), Location("Y", 2, other)))


def segments(*strategies: Strategy, sort: Sort = Sort.FIFO) -> list[Segment]:
    """One for each strategy, met by the tier of the same name."""
    return [Segment(one, one, Filter(tiers=(one.value,)), sort) for one in strategies]


def planned(free: int, *lines: RunDemand) -> dict[str, int]:
    """Units after the run, of lines whose tier names their strategy."""
    every = segments(*Strategy)
    plan = plan_run({"A": stock(free), "B": stock(free, "B")}, select(lines, every).movable, every, NOW)
    return {one.candidate.line_id: one.new for one in plan.lines}


@st.composite
def runs(draw: st.DrawFn) -> tuple[dict[str, Stock], list[RunDemand], list[Segment]]:
    """Two SKUs at two places, orders of one or two lines of which those that ship complete hold all or nothing."""
    stocks = {
        sku: Stock(
            sku,
            tuple(Location(place, n, draw(st.integers(-1, 6))) for n, place in enumerate(PLACES)),
            draw(st.sampled_from((Policy(), Policy(sort=Sort.PRIORITY)))),
        )
        for sku in SKUS
    }
    lines = []
    for number in range(draw(st.integers(0, 7))):
        complete, full = draw(st.booleans()), draw(st.booleans())
        tier = draw(st.sampled_from(("t0", "t1", "t2")))
        for part in range(draw(st.integers(1, 2))):
            requested = draw(st.integers(1, 6))
            held = (requested if full else 0) if complete else draw(st.integers(0, requested))
            there = draw(st.integers(0, held))
            confirmed = tuple(
                (place, units) for place, units in zip(PLACES, (there, held - there), strict=True) if units
            )
            lines.append(
                RunDemand(
                    f"l{number}-{part}",
                    f"o{number}",
                    draw(st.sampled_from(SKUS)),
                    requested,
                    confirmed,
                    NOW - timedelta(minutes=draw(st.integers(0, 3))),
                    draw(st.integers(0, 2)),
                    draw(st.sampled_from((SOON, LATE, NO_DATE))),
                    draw(st.sampled_from((None, SOON, LATE))),
                    draw(st.sampled_from((None, "X", "Y"))),
                    complete,
                    tier,
                    unit_value=draw(st.integers(0, 500)),
                    held=draw(st.sampled_from((None, None, None, LeftAlone.PINNED))),
                )
            )
    made = [
        Segment(name, draw(st.sampled_from(Strategy)), Filter(tiers=(name,)), draw(st.sampled_from(Sort)))
        for name in ("t0", "t1", "t2")[: draw(st.integers(1, 3))]
    ]
    return stocks, lines, made


def plan_of(run: tuple[dict[str, Stock], list[RunDemand], list[Segment]]) -> RunPlan:
    stocks, lines, made = run
    return plan_run(stocks, select(lines, made).movable, made, NOW)


@given(runs())
def test_every_strategy_keeps_its_word(run: tuple[dict[str, Stock], list[RunDemand], list[Segment]]) -> None:
    for one in plan_of(run).lines:
        requested, confirmed = one.candidate.requested, one.candidate.confirmed_units
        assert 0 <= one.new <= requested
        match run[2][one.segment].strategy:
            case Strategy.GAIN | Strategy.IMPROVE:
                assert one.new >= confirmed
            case Strategy.FILL:
                assert one.new <= confirmed
            case Strategy.LOSE:
                assert one.new == 0
            case Strategy.SKIP:
                raise AssertionError("takes no part")


@given(runs())
def test_units_are_moved_and_none_is_made_or_lost(run: tuple[dict[str, Stock], list[RunDemand], list[Segment]]) -> None:
    plan = plan_of(run)
    free = {(sku, place.name): max(0, place.free) for sku, one in run[0].items() for place in one.locations}
    for one in plan.lines:
        assert one.change == one.new - one.candidate.confirmed_units
        held = dict(one.candidate.confirmed)
        for place, units in one.moves:
            assert units
            assert held.get(place, 0) + units >= 0
            free[one.candidate.sku, place] -= units
    assert min(free.values()) >= 0
    assert plan.left == {sku: sum(free[sku, place] for place in PLACES) for sku in SKUS}


@given(runs())
def test_a_line_gains_or_loses_but_never_both(run: tuple[dict[str, Stock], list[RunDemand], list[Segment]]) -> None:
    for one in plan_of(run).lines:
        assert len({units > 0 for _, units in one.moves}) <= 1


@given(runs(), st.randoms(use_true_random=False))
def test_the_order_in_which_lines_are_listed_changes_nothing(
    run: tuple[dict[str, Stock], list[RunDemand], list[Segment]], random: Random
) -> None:
    stocks, lines, made = run
    shuffled = list(lines)
    random.shuffle(shuffled)
    assert plan_of(run) == plan_of((stocks, shuffled, made))


@given(runs())
def test_orders_that_ship_complete_hold_all_or_nothing(
    run: tuple[dict[str, Stock], list[RunDemand], list[Segment]],
) -> None:
    orders: dict[str, set[bool]] = {}
    for one in plan_of(run).lines:
        if one.candidate.ship_complete:
            assert one.new in (0, one.candidate.requested)
            orders.setdefault(one.candidate.order_id, set()).add(one.new == one.candidate.requested)
    assert all(len(states) == 1 for states in orders.values())


@given(runs())
def test_pinned_lines_and_lines_of_no_segment_take_no_part(
    run: tuple[dict[str, Stock], list[RunDemand], list[Segment]],
) -> None:
    by_id = {one.line_id: one for one in run[1]}
    tiers = {one.name for one in run[2]}
    for one in plan_of(run).lines:
        assert not by_id[one.candidate.line_id].held
        assert one.candidate.tier in tiers


@given(runs())
def test_nobody_waits_before_stock_that_is_left_if_the_strategy_lets_it_have_some(
    run: tuple[dict[str, Stock], list[RunDemand], list[Segment]],
) -> None:
    plan = plan_of(run)
    may_have = {Strategy.WIN, Strategy.GAIN, Strategy.IMPROVE, Strategy.REDISTRIBUTE}
    for one in plan.lines:
        if run[2][one.segment].strategy in may_have and not one.candidate.ship_complete:
            assert one.new == one.candidate.requested or plan.left[one.candidate.sku] == 0


@given(runs())
def test_a_segment_serves_lines_that_take_parts_in_its_order(
    run: tuple[dict[str, Stock], list[RunDemand], list[Segment]],
) -> None:
    short: set[tuple[str, int]] = set()
    for one in plan_of(run).lines:
        if one.candidate.ship_complete or run[2][one.segment].strategy is not Strategy.REDISTRIBUTE:
            continue
        queue = (one.candidate.sku, one.segment)
        assert queue not in short or one.new == 0
        if one.new < one.candidate.requested:
            short.add(queue)


@given(runs())
def test_a_run_is_computed_again_from_what_its_decision_stores(
    run: tuple[dict[str, Stock], list[RunDemand], list[Segment]],
) -> None:
    plan = plan_of(run)
    plain = json.dumps(stored_run("r", run[0], run[2], NOW), default=lambda value: value.isoformat())
    rows = [
        StoredLine(
            one.candidate.line_id,
            one.candidate.sku,
            one.candidate.requested,
            json.loads(json.dumps(stored_planned(one), default=lambda value: value.isoformat())),
        )
        for one in plan.lines
    ]
    again = replay(json.loads(plain), rows, NOW + timedelta(hours=1))
    assert again == {one.candidate.line_id: one.new - one.candidate.confirmed_units for one in plan.lines}


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


def test_winners_are_served_from_what_the_others_hold() -> None:
    assert planned(
        1, line("a", 5, 4, tier="lose"), line("b", 4, 3, tier="redistribute"), line("c", 9, 0, tier="win")
    ) == {"c": 8, "b": 0, "a": 0}


def test_what_gain_and_improve_hold_is_kept_from_winners_too() -> None:
    assert planned(1, line("a", 5, 4, tier="gain"), line("b", 5, 3, tier="improve"), line("c", 9, 0, tier="win")) == {
        "c": 1,
        "a": 4,
        "b": 3,
    }


def test_gains_come_before_redistribution_and_redistribution_before_filling() -> None:
    lines = [
        line("a", 3, 3, tier="fill"), line("b", 3, 2, tier="redistribute"), line("c", 3, 1, tier="improve"),
    ]  # fmt: skip
    assert planned(0, *lines) == {"c": 3, "b": 3, "a": 0}
    assert planned(2, *lines) == {"c": 3, "b": 3, "a": 2}


def test_the_first_segment_whose_filter_is_met_has_a_line() -> None:
    made = [Segment("web", Strategy.LOSE, Filter(channels=("web",))), Segment("rest", Strategy.WIN)]
    found = select([line("a", 1, channel="web"), line("b", 1, channel="shop")], made)
    assert [(one.candidate.line_id, one.segment) for one in found.movable] == [("a", 0), ("b", 1)]


def test_every_field_of_a_filter_counts() -> None:
    one = line("a", 1, tier="gold", channel="web", region="DE", customer_id="c", needed_by=SOON, order="o")
    yes = Filter(("gold",), ("web",), ("DE",), ("c",), ("A",), ("o",), NOW, LATE, False)
    assert meets(one, Filter())
    assert meets(one, yes)
    other = Filter(("x",), ("x",), ("x",), ("x",), ("x",), ("x",), one.queued_at, SOON, True)
    for field in Filter._fields:
        assert not meets(one, yes._replace(**{field: getattr(other, field)})), field


def test_an_order_that_ships_complete_takes_part_whole_or_is_left_alone() -> None:
    both = [line("a", 1, order="o", ship_complete=True), line("b", 1, sku="B", order="o", ship_complete=True)]
    everything = [Segment("all", Strategy.WIN)]
    assert len(select(both, everything).movable) == 2
    only_a = select(both, [Segment("A", Strategy.WIN, Filter(skus=("A",)))])
    assert only_a.movable == ()
    assert [(one.candidate.line_id, note) for one, note in only_a.untouched] == [("a", LeftAlone.ORDER_APART)]
    pinned = select([both[0], both[1]._replace(held=LeftAlone.PINNED)], everything)
    assert [note for _, note in pinned.untouched] == [LeftAlone.PINNED] * 2
    half = select([both[0]._replace(confirmed=(("X", 1),)), both[1]], everything)
    assert [note for _, note in half.untouched] == [LeftAlone.ORDER_INCOMPLETE] * 2


def test_an_order_that_ships_complete_takes_nothing_where_one_of_its_skus_is_short() -> None:
    both = [line("a", 1, order="o", ship_complete=True), line("b", 2, sku="B", order="o", ship_complete=True)]
    behind = line("z", 1)
    made = [Segment("all", Strategy.REDISTRIBUTE)]
    plan = plan_run({"A": stock(1), "B": stock(1, "B")}, select([*both, behind], made).movable, made, NOW)
    assert {one.candidate.line_id: one.new for one in plan.lines} == {"a": 0, "b": 0, "z": 1}


def test_what_ships_together_comes_of_one_location_that_has_all_of_it() -> None:
    both = [line("a", 2, order="o", ship_complete=True), line("b", 2, sku="B", order="o", ship_complete=True)]
    made = [Segment("all", Strategy.WIN)]
    stocks = {"A": stock(2, other=2), "B": stock(1, "B", 2)}
    plan = plan_run(stocks, select(both, made).movable, made, NOW)
    assert {one.moves for one in plan.lines} == {(("Y", 2),)}


def test_the_preferred_location_keeps_its_units_the_longest() -> None:
    one = RunDemand("a", "o", "A", 4, (("X", 2), ("Y", 2)), NOW, preference="Y", tier="lose")
    winner = line("w", 3, tier="win", preference="Y")
    every = segments(*Strategy)
    plan = plan_run({"A": stock()}, select([one, winner._replace(requested=4)], every).movable, every, NOW)
    moves = {row.candidate.line_id: row.moves for row in plan.lines}
    assert moves == {"a": (("X", -2), ("Y", -2)), "w": (("Y", 2), ("X", 2))}


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
