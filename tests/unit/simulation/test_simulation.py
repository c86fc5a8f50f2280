"""The benchmark: its worlds are drawn alike for every policy, nobody gets what is not there, nobody beats the bound."""

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass

import pytest

from allocation_service.simulation.baselines import Sorted, odoo, ofbiz, spree
from allocation_service.simulation.bound import clairvoyant_cost
from allocation_service.simulation.contenders import NAMES, contender
from allocation_service.simulation.experiment import ExperimentPlan, simulate
from allocation_service.simulation.figures import COST, GAP, GOALS, LOWEST, Goal, as_json
from allocation_service.simulation.forecasting import expected
from allocation_service.simulation.intervals import mean_interval, ratio_interval
from allocation_service.simulation.measures import measure
from allocation_service.simulation.picture import svg
from allocation_service.simulation.request import Asked, Documents, PolicyName, asked_from, document_of, faults_of
from allocation_service.simulation.running import History, Served, SimulatedSku, run, watched
from allocation_service.simulation.setting import MODERATE, QUICK, SCENARIOS, SEVERE, TIERS
from allocation_service.simulation.ship_complete import greedy_choice, instance, optimal_value, value_of
from allocation_service.simulation.streams import Sold, StreamLine, busiest, draw, generated, world_of
from allocation_service.simulation.supply import Buyer, SupplyDelivery

TINY = QUICK._replace(seeds=2, skus=2, days=56)


def _line(number: int, units: int, placed: float, tier: int = 2, leaves: float = 1_000.0) -> StreamLine:
    due = placed + TIERS[tier].due_days
    return StreamLine(f"l{number}", f"o{number}", "A", units, placed, tier, f"c{number}", due, leaves)


def _supply(opening: int = 0, *deliveries: tuple[float, int]) -> History:
    return History((), opening, tuple(SupplyDelivery(0.0, at, units, at, False) for at, units in deliveries))


def _fifo() -> Sorted:
    return Sorted("spree", spree)


@pytest.fixture(scope="module")
def worlds() -> list[tuple[tuple[StreamLine, ...], History, float]]:
    found = []
    for seed in (1, 2):
        world = generated(seed, QUICK)
        for sku, lines in world.lines.items():
            buyer = Buyer(SEVERE, sum(line.quantity for line in lines) / world.days, draw(seed, sku))
            found.append((lines, watched(lines, _fifo(), world.days, buyer), world.days))
    return found


def test_the_same_seed_draws_the_same_world_and_another_seed_another() -> None:
    assert generated(3, TINY) == generated(3, TINY)
    assert generated(3, TINY) != generated(4, TINY)


def test_tiers_and_patience_have_the_shares_and_means_of_the_setting() -> None:
    sold = [Sold(f"o{n}", "A", 1, n / 100, f"c{n}") for n in range(20_000)]
    lines = world_of(sold, 1, 200.0).lines["A"]
    for rank, tier in enumerate(TIERS):
        own = [line for line in lines if line.tier == rank]
        assert len(own) / len(lines) == pytest.approx(tier.share, abs=0.01)
        assert sum(line.leaves - line.due for line in own) / len(own) == pytest.approx(tier.patience_days, rel=0.12)
        assert {round(line.due - line.placed, 6) for line in own} == {tier.due_days}


def test_a_customer_has_one_tier_in_all_orders() -> None:
    sold = [Sold(f"o{n}", "A", 1, float(n), f"c{n % 5}") for n in range(50)]
    tiers: dict[str, set[int]] = {}
    for line in world_of(sold, 1, 60.0).lines["A"]:
        tiers.setdefault(line.customer, set()).add(line.tier)
    assert all(len(found) == 1 for found in tiers.values())


def test_of_a_file_the_skus_with_most_lines_are_taken() -> None:
    sold = [Sold(f"o{n}", sku, 1, float(n), None) for n, sku in enumerate("ABBCCCBA")]
    assert {one.sku for one in busiest(sold, 2, 100.0)} == {"B", "C"}
    assert {one.sku for one in busiest(sold, 1, 3.0)} == {"B"}


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_gets_the_same_supply_and_gives_no_unit_twice(
    name: str, worlds: list[tuple[tuple[StreamLine, ...], History, float]]
) -> None:
    for lines, supply, days in worlds:
        history = run(lines, contender(name, {}), days, supply)
        assert sorted(history.deliveries) == sorted(supply.deliveries)
        given: dict[int, int] = {}
        for number, units, at in history.served:
            given[number] = given.get(number, 0) + units
            assert lines[number].placed <= at <= lines[number].leaves
            arrived = supply.opening + sum(one.units for one in supply.deliveries if one.at <= at)
            assert sum(part for _, part, when in history.served if when <= at) <= arrived
        assert all(units <= lines[number].quantity for number, units in given.items())


def test_first_come_is_spree_and_repeats_what_the_buyer_watched(
    worlds: list[tuple[tuple[StreamLine, ...], History, float]],
) -> None:
    for lines, supply, days in worlds:
        assert run(lines, contender("fifo", {}), days, supply).served == supply.served


def test_no_policy_costs_less_than_the_bound(worlds: list[tuple[tuple[StreamLine, ...], History, float]]) -> None:
    for lines, supply, days in worlds:
        bound = clairvoyant_cost(lines, supply, days)
        for name in NAMES:
            cost = measure([(lines, run(lines, contender(name, {}), days, supply))], days).cost
            assert cost >= bound - 1e-6


def test_the_bound_gives_a_unit_to_whom_its_lack_costs_most() -> None:
    # One unit, in stock from the start. Bronze asks first; gold (weight 4) would leave on day 10.
    lines = (_line(0, 1, 0.0, tier=2, leaves=50.0), _line(1, 1, 1.0, tier=0, leaves=10.0))
    lost_bronze = 30.0 + (50.0 - 14.0)
    assert clairvoyant_cost(lines, _supply(1), 100.0) == pytest.approx(lost_bronze)


def test_the_bound_waits_for_a_delivery_and_counts_the_days_late() -> None:
    lines = (_line(0, 2, 0.0, tier=1),)
    assert clairvoyant_cost(lines, _supply(0, (10.0, 2)), 100.0) == pytest.approx(2 * 2 * (10.0 - 7.0))


def test_cost_is_weighted_days_late_and_thirty_of_them_for_a_cancelled_unit() -> None:
    lines = (_line(0, 3, 0.0, tier=0, leaves=20.0),)
    history = History((Served(0, 2, 5.0),), 0, ())
    found = measure([(lines, history)], 100.0)
    assert found.cost == pytest.approx(2 * 4 * (5.0 - 3.0) + 4 * ((20.0 - 3.0) + 30.0))
    assert found.fill[0] == pytest.approx(2 / 3)
    assert found.lost[0] == pytest.approx(1 / 3)
    assert (found.wait_mean, found.wait_p95) == (5.0, 5.0)


def test_jain_is_one_where_all_get_the_same_share_and_a_half_where_one_of_two_gets_nothing() -> None:
    lines = (_line(0, 2, 0.0), _line(1, 2, 0.0))
    same = History((Served(0, 1, 1.0), Served(1, 1, 1.0)), 0, ())
    one = History((Served(0, 2, 1.0),), 0, ())
    assert measure([(lines, same)], 50.0).jain == pytest.approx(1.0)
    assert measure([(lines, one)], 50.0).jain == pytest.approx(0.5)
    assert measure([(lines, one)], 50.0).worst_decile == 0.0


@pytest.mark.parametrize(
    ("key", "order"), [(spree, [0, 1, 2]), (ofbiz, [2, 1, 0]), (odoo, [2, 1, 0])], ids=["spree", "ofbiz", "odoo"]
)
def test_baselines_serve_in_the_order_of_their_sort_keys(key: object, order: list[int]) -> None:
    # Bronze due on day 14, silver on day 8, gold on day 5.
    lines = [_line(0, 1, 0.0, tier=2), _line(1, 1, 1.0, tier=1), _line(2, 1, 2.0, tier=0)]
    case = SimulatedSku(3.0, 9, {0: 1, 1: 1, 2: 1}, lines, 3, ())
    assert [number for number, _ in Sorted("x", key).grants(case)] == order  # type: ignore[arg-type]


def test_odoo_serves_an_urgent_move_before_one_that_is_due_earlier() -> None:
    lines = [_line(0, 1, 0.0, tier=1), _line(1, 1, 6.0, tier=0)]
    assert lines[0].due < lines[1].due
    assert Sorted("odoo", odoo).grants(SimulatedSku(7.0, 1, {0: 1, 1: 1}, lines, 2, ())) == [(1, 1)]


def test_a_disruption_is_known_only_when_the_goods_do_not_come() -> None:
    late = SupplyDelivery(0.0, 44.0, 5, 12.0, disrupted=True)
    assert (late.expected(11.0), late.expected(12.0)) == (12.0, 44.0)
    slow = SupplyDelivery(0.0, 15.0, 5, 12.0, disrupted=False)
    assert (slow.expected(11.0), slow.expected(13.0)) == (12.0, 15.0)


def test_expected_demand_is_the_rate_of_the_sku_divided_by_the_tiers_shares() -> None:
    lines = [_line(n, 2, n / 2) for n in range(120)]
    means = [mean for mean, _ in expected(lines, 120, 60.0, 10.0)]
    assert sum(means) == pytest.approx(40.0, rel=0.05)
    assert means[0] / sum(means) == pytest.approx(TIERS[0].share)
    assert expected(lines, 0, 0.0, 10.0) == [(0.0, 0.0)] * 3


def test_an_interval_covers_its_mean_and_a_single_seed_has_none() -> None:
    wide = mean_interval([1.0, 2.0, 3.0])
    assert (wide.value, round(wide.low, 3), round(wide.high, 3)) == (2.0, -0.484, 4.484)
    assert mean_interval([5.0]) == (5.0, 5.0, 5.0)


def test_a_ratio_of_totals_is_not_moved_by_a_world_in_which_nothing_happened() -> None:
    found = ratio_interval([-20.0, -30.0, 1.0], [100.0, 100.0, 1.0])
    assert found.value == pytest.approx(-49 / 201)
    assert found.low <= found.value <= found.high
    assert ratio_interval([-20.0, -40.0], [100.0, 200.0]) == pytest.approx((-0.2, -0.2, -0.2))


def test_greedy_is_feasible_and_not_above_the_optimum() -> None:
    for seed in range(1, 4):
        one = instance(seed)
        assert 0 < value_of(one, greedy_choice(one)) <= optimal_value(one) * 1.0011


def test_the_optimum_is_that_of_trying_all_choices() -> None:
    one = instance(5)
    small = one._replace(orders=one.orders[:10], free=(4,) * len(one.free))

    @dataclass
    class Best:
        value: int = 0

    best = Best()
    for chosen in range(1 << 10):
        numbers = [n for n in range(10) if chosen >> n & 1]
        try:
            best.value = max(best.value, value_of(small, numbers))
        except AssertionError:
            continue
    assert optimal_value(small) == pytest.approx(best.value, rel=0.002)


def test_the_same_plan_gives_the_same_figures_however_many_processes_compute_them() -> None:
    plan = ExperimentPlan(("priority", "odoo"), (SEVERE,), TINY)
    seen: list[tuple[int, int]] = []
    alone = simulate(plan, lambda done, total: seen.append((done, total)), workers=1)
    assert alone == simulate(plan, workers=2)
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert {row.figure for row in alone.rows} >= {
        COST,
        GAP,
        LOWEST,
        "wait_mean",
        "wait_p95",
        "cancelled",
        "jain",
        "fill_by_tier",
    }
    assert all(row.ci_low <= row.value <= row.ci_high for row in alone.rows)


def test_an_unknown_policy_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="unknown policy 'best'; there are fifo, priority"):
        simulate(ExperimentPlan(("best",), (SEVERE,), TINY))


def test_what_can_be_asked_for_by_name_is_there() -> None:
    for name in PolicyName:
        contender(name.value, {})
    assert {name.value for name in PolicyName} == set(NAMES)
    assert asked_from(json.loads(json.dumps(document_of(Asked())))) == Asked()


def test_goals_are_met_by_the_mean_and_told_in_the_rows() -> None:
    assert Goal(at_most=-0.25).met(-0.25)
    assert not Goal(at_least=0.45).met(0.44)
    rows = as_json(simulate(ExperimentPlan(("index+holdback+ageing",), (SEVERE, MODERATE), TINY), workers=1).rows)
    assert {"scenario", "policy", "figure", "value", "ci_low", "ci_high", "goal", "met"} == set(rows[0])
    fills = [row for row in rows if row["figure"] == "fill_by_tier" and row["scenario"] == "severe"]
    assert [row["tier"] for row in fills if row["policy"] == "fifo"] == ["gold", "silver", "bronze"]
    assert all("tier" not in row for row in rows if row["figure"] != "fill_by_tier")
    judged = {(row["scenario"], row["figure"]) for row in rows if row["goal"]}
    assert judged == set(GOALS)
    assert {scenario for scenario, _ in judged} == {*SCENARIOS, "ship complete"}


def test_the_picture_is_well_formed_and_names_every_policy() -> None:
    rows = simulate(ExperimentPlan(("priority", "odoo"), (SEVERE, MODERATE), TINY), workers=1).rows
    root = ET.fromstring(svg(rows))  # noqa: S314 - our own text
    words = [element.text for element in root.iter() if element.text]
    assert words.count("priority") == words.count("odoo") == 2
    with pytest.raises(ValueError, match="nothing to draw"):
        svg([])


def test_a_policy_of_ones_own_is_simulated_by_its_name_and_judged() -> None:
    plan = ExperimentPlan((), (SEVERE,), TINY, documents={"mine": {"sort": "priority", "protect_promises": False}})
    rows = simulate(plan, workers=1).rows
    named = simulate(ExperimentPlan(("priority",), (SEVERE,), TINY), workers=1).rows
    costs = {row.policy: row for row in (*named, *rows) if row.figure == COST}
    assert costs["mine"].value == costs["priority"].value
    assert (costs["mine"].met, costs["priority"].met) == (costs["mine"].value <= -0.25, None)


def test_what_is_wrong_with_a_policy_of_ones_own_is_told_at_its_place() -> None:
    documents: Documents = {
        "mine": {"sort": "value_index", "ageing": {"step_days": 9, "max_days": 3}},
        "fifo": {},
        "x": {"sort": 1},
    }
    assert [fault.pointer for fault in faults_of(documents)] == ["/mine/ageing/max_days", "/fifo", "/x/sort"]
