"""Calibration: worlds whose suppliers change, and the figures of what became of first dates."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from allocation_service.domain.lateness.basis import Basis
from backorder_workload.calibration.judging import Judged, figures_of
from backorder_workload.calibration.picture import svg
from backorder_workload.calibration.running import GOALS, WorldResult, run_world, run_worlds
from backorder_workload.calibration.worlds import WORLDS, short, silent, strike, worse
from backorder_workload.commands import calibrate
from backorder_workload.replay.generator import generate
from backorder_workload.replay.purchasing import Delivery, PlannedLine, PlannedOrder, Slip, SupplierPlan

OPENED = date(2026, 1, 1)
BY_NAME = {world.name: world for world in WORLDS}


def day(number: int) -> date:
    return OPENED + timedelta(days=number)


def at(number: int) -> datetime:
    return datetime(2026, 1, 1, 6, tzinfo=UTC) + timedelta(days=number)


def an_order(ordered: int, supplier: str = "SUP-01") -> PlannedOrder:
    return PlannedOrder("PO-1", supplier, "LONDON", at(ordered), day(ordered + 10), (PlannedLine("A", 10),))


def a_plan(comes: int) -> SupplierPlan:
    return SupplierPlan((Slip("PO-1", day(comes - 2), day(comes)),), (Delivery("PO-1", at(comes), 1, ((0, 10),)),))


def judged(number: int, served: int | None, *, moves: int = 0, confidence: float = 0.9) -> Judged:
    """A line that was asked for on day 0 and told day 10."""
    return Judged(f"l{number}", Basis.INBOUND, "S", 95, day(10), day(0), confidence,
                  None if served is None else day(served), moves=moves)  # fmt: skip


def test_first_dates_are_counted_with_what_was_told_of_them() -> None:
    lines = [judged(1, 7), judged(2, 10, moves=1), judged(3, 12, moves=2), judged(4, None)]
    withdrawn = judged(5, None)
    withdrawn.leaves(None)
    found = figures_of([*lines, withdrawn], day(11))
    assert (found.dates, found.kept, found.rolling_least) == (4, 0.5, 0.5)
    assert found.slack_days == 1.5
    assert found.moves_per_100 == 60
    assert found.bins == ((0.9, 0.5, 4),)
    assert found.overstated == 0, "four dates say nothing about a confidence"
    assert figures_of(lines, day(10)).dates == 0, "the day is not over"


def test_the_worst_two_hundred_in_a_row_are_found() -> None:
    lines = [judged(number, 10 if number < 300 else 11) for number in range(400)]
    lines = [replace(one, line_id=f"l{number:03}") for number, one in enumerate(lines)]
    found = figures_of(lines, day(11))
    assert (found.kept, found.rolling_least) == (0.75, 0.5)
    assert found.overstated == 0
    assert figures_of(lines * 2, day(11)).overstated == pytest.approx(0.15)


def test_a_date_that_is_told_after_the_old_one_is_late() -> None:
    one = judged(1, 20)
    one.moved(day(10), day(15), day(10))
    one.moved(day(15), day(20), day(16))
    assert (one.moves, one.told_late) == (2, 1)
    assert figures_of([one], day(30)).told_in_time == 0.5


def test_a_supplier_that_gets_worse_says_nothing_new() -> None:
    assert worse(an_order(10), a_plan(20), OPENED, 1) == a_plan(20), "it has not changed yet"
    found = worse(an_order(70), a_plan(80), OPENED, 1)
    assert [one.day for one in found.deliveries] == [day(87)]
    assert silent(an_order(70), a_plan(80), OPENED, 1) == replace(a_plan(80), slips=())


def test_a_short_delivery_closes_its_lines() -> None:
    (found,) = short(an_order(70), a_plan(80), OPENED, 1).deliveries
    assert (found.units, found.closes, found.day) == (((0, 8),), (0,), day(80))


def test_six_suppliers_in_ten_strike_and_announce_nothing_meanwhile() -> None:
    struck = [strike(an_order(85, f"SUP-{number}"), a_plan(95), OPENED, 1) for number in range(200)]
    moved = [one for one in struck if one.deliveries[0].day != day(95)]
    assert 100 <= len(moved) <= 140
    assert all(day(121) <= one.deliveries[0].day <= day(127) and not one.slips for one in moved)
    outside = [strike(an_order(50, f"SUP-{number}"), a_plan(60), OPENED, 1) for number in range(50)]
    assert all(one == a_plan(60) for one in outside)


def test_dates_that_are_learned_are_kept_more_often_than_those_announced() -> None:
    stream = generate(300, seed=2, days=80)
    results = run_worlds(stream, ["as it is", "announced"], 2, 1, lambda: None)
    learned, announced = [one.figures for one in results]
    assert [one.name for one in results] == ["as it is", "announced"]
    assert learned.dates > 300
    assert learned.kept > announced.kept + 0.05
    assert learned.kept >= 0.9
    assert learned.told_in_time == 1.0 > announced.told_in_time


def test_without_purchase_orders_lead_times_are_learned() -> None:
    stream = generate(150, seed=2, days=60)
    found = run_world(stream, BY_NAME["no purchase orders"], 2)
    assert found.figures.kept >= 0.9
    assert run_world(stream, BY_NAME["no purchase orders"], 2) == found, "the same seed gives the same figures"


def test_every_goal_belongs_to_a_world_and_is_judged() -> None:
    assert GOALS.keys() <= BY_NAME.keys()
    good = figures_of([judged(number, 9) for number in range(300)], day(11))
    assert WorldResult("worse", "", replace(good, kept=0.96)).missed() == []
    assert WorldResult("worse", "", replace(good, kept=0.94)).missed() == ["kept"]
    assert WorldResult("announced", "", replace(good, kept=0.5)).missed() == []


def test_the_picture_has_a_row_for_each_world() -> None:
    found = figures_of([judged(number, 9) for number in range(300)], day(11))
    drawn = svg([WorldResult(name, "", found) for name in ("as it is", "strike")], {"as it is": (0.95, 0.975)})
    ElementTree.fromstring(drawn)  # noqa: S314 - our own text
    assert drawn.count("<circle") == 2
    assert drawn.count('class="goal"') == 1
    with pytest.raises(ValueError, match="no world"):
        svg([], {})


def test_a_world_that_there_is_not_is_named_with_those_that_there_are() -> None:
    app = typer.Typer()
    calibrate.register(app)
    answer = CliRunner().invoke(app, ["--world", "peace"])
    assert answer.exit_code == 2
    assert "--world peace: there are as it is" in answer.output
