"""Runs: each strategy keeps its word, nothing is lost or made, and the same inputs give the same plan."""

import json
from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.allocation.drawing_runs import (
    LATE,
    NOW,
    PLACES,
    SKUS,
    SOON,
    line,
    plan_of,
    planned,
    runs,
    segments,
    stock,
)

from allocation_service.domain.decisions.recorded_fill import StoredLine
from allocation_service.domain.decisions.recorded_run import stored_planned, stored_run
from allocation_service.domain.decisions.replaying import replay
from allocation_service.domain.runs.run import (
    Filter,
    LeftAlone,
    RunDemand,
    Segment,
    Stock,
    Strategy,
    meets,
    select,
)
from allocation_service.domain.runs.run_planning import plan_run


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
