"""Orders that ship complete and compete for several scarce SKUs: by value per scarce unit, or the best there is."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from tests.unit.allocation.drawing import NOW, SUPPLIES, TIERS, Supplies, demands, policies

from allocation_service.adapters import milp_solver
from allocation_service.domain.allocating.deciding import Decision, decide
from allocation_service.domain.allocating.guards import Context
from allocation_service.domain.allocating.ship_complete import OrderColumn, SkuLimit, SolverChoice
from allocation_service.domain.allocating.ship_complete_solver import choose_orders
from allocation_service.domain.policies.policy import Complete, Demand, Location, Policy, Share, Sort, Supply
from allocation_service.domain.policies.policy_document import validate

GREEDY = Policy(sort=Sort.VALUE_INDEX, tiers=TIERS, protect_promises=False)
OPTIMAL = GREEDY._replace(complete=Complete.OPTIMAL)


def value(decision: Decision) -> int:
    return sum(-o.key[1] * o.granted for o in decision.outcomes)


def optimal(supply: Supplies, wanted: list[Demand], policy: Policy = OPTIMAL) -> Decision:
    return decide(supply, wanted, policy, NOW, context=choose_orders(supply, wanted, policy, NOW, milp_solver.solve))


def _crossing(random: Random, orders: int = 9) -> tuple[Supplies, list[Demand]]:
    """Orders that need several of three SKUs, of which there is half."""
    wanted = [
        Demand(f"l{n}{sku}", f"o{n:02}", sku, random.randint(1, 4), NOW, tier, ship_complete=True)
        for n in range(orders)
        for tier in [random.randint(0, 2)]
        for sku in random.sample("ABC", random.randint(1, 3))
    ]
    units = {sku: sum(d.quantity for d in wanted if d.sku == sku) for sku in "ABC"}
    return {sku: Supply(sku, (Location("X", 1, n // 2),)) for sku, n in units.items()}, wanted


def _best(supply: Supplies, wanted: list[Demand]) -> int:
    """The value of the best set of orders, by trying every one."""
    worth = {o.demand.line_id: -o.key[1] * o.demand.quantity for o in decide({}, wanted, GREEDY, NOW).outcomes}
    orders = sorted({d.order_id for d in wanted})
    best = 0
    for many in range(len(orders) + 1):
        for chosen in combinations(orders, many):
            taken = [d for d in wanted if d.order_id in chosen]
            if all(sum(d.quantity for d in taken if d.sku == sku) <= one.free for sku, one in supply.items()):
                best = max(best, sum(worth[d.line_id] for d in taken))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_the_optimum_is_within_a_hundredth_of_the_best_there_is(seed: int) -> None:
    supply, wanted = _crossing(Random(seed))
    assert value(optimal(supply, wanted)) >= 0.99 * _best(supply, wanted)


def test_by_value_per_scarce_unit_orders_are_worth_nearly_as_much_as_the_best_and_more_than_in_turn() -> None:
    by_density = best = in_turn = 0
    for seed in range(20):
        supply, wanted = _crossing(Random(seed), orders=40)
        supply["A"] = Supply("A", (Location("X", 1, supply["A"].free // 2),))
        by_density += value(decide(supply, wanted, GREEDY, NOW))
        best += value(optimal(supply, wanted))
        in_turn += _in_turn(supply, wanted)
    assert in_turn < by_density <= best * 1.01
    assert by_density >= 0.97 * best


def _in_turn(supply: Supplies, wanted: list[Demand]) -> int:
    """The value of going down the queue, every order that fits."""
    left = {sku: one.free for sku, one in supply.items()}
    total, seen = 0, set()
    for outcome in decide({}, wanted, GREEDY, NOW).outcomes:
        order_id = outcome.demand.order_id
        lines = [d for d in wanted if d.order_id == order_id]
        if order_id not in seen and all(left[d.sku] >= d.quantity for d in lines):
            for line in lines:
                left[line.sku] -= line.quantity
                total += -outcome.key[1] * line.quantity
        seen.add(order_id)
    return total


@given(SUPPLIES, demands(), policies(sorts=(Sort.VALUE_INDEX,), shares=(Share.SEQUENTIAL,)))
def test_orders_that_a_solver_chose_are_served_and_nothing_is_oversold(
    supply: Supplies, wanted: list[Demand], policy: Policy
) -> None:
    policy = policy._replace(complete=Complete.OPTIMAL, bypass_limit=None)
    context = choose_orders(supply, wanted, policy, NOW, milp_solver.solve)
    decision = decide(supply, wanted, policy, NOW, context=context)
    served = {o.demand.order_id for o in decision.outcomes if o.granted}
    assert set(context.chosen or ()) <= served
    for sku, one in supply.items():
        assert sum(o.granted for o in decision.outcomes if o.demand.sku == sku) <= one.free


def test_without_an_answer_the_decision_goes_by_value_per_scarce_unit_and_says_so() -> None:
    supply, wanted = _crossing(Random(1))
    context = choose_orders(supply, wanted, OPTIMAL, NOW, lambda _: "no time left")
    assert context.note == "no time left"
    assert context.chosen is None
    grants = [o.grants for o in decide(supply, wanted, OPTIMAL, NOW, context=context).outcomes]
    assert grants == [o.grants for o in decide(supply, wanted, GREEDY, NOW).outcomes]


def test_an_answer_that_takes_more_than_there_is_is_not_used() -> None:
    supply, wanted = _crossing(Random(1))
    context = choose_orders(supply, wanted, OPTIMAL, NOW, lambda selection: [c.most for c in selection.columns])
    assert context.note == "the solver's answer takes more than there is"


def test_no_solver_is_asked_where_one_sku_at_most_is_scarce() -> None:
    supply = {sku: Supply(sku, (Location("X", 1, 1 if sku == "A" else 99),)) for sku in "ABC"}
    _, wanted = _crossing(Random(1))

    def fail(selection: SolverChoice) -> str:
        raise AssertionError("asked")

    assert choose_orders(supply, wanted, OPTIMAL, NOW, fail) == Context(thresholds={})


def test_the_solver_chooses_whole_orders_and_parts_of_the_rest() -> None:
    columns = (OrderColumn(30, 1, True), OrderColumn(4, 10, False))
    assert list(milp_solver.solve(SolverChoice(columns, (SkuLimit(9, ((0, 5), (1, 1))),)))) == [1, 4]
    assert list(milp_solver.solve(SolverChoice(columns, (SkuLimit(4, ((0, 5), (1, 1))),)))) == [0, 4]
    assert list(milp_solver.solve(SolverChoice((), ()))) == []


def test_a_policy_that_shares_cannot_ask_for_an_optimum() -> None:
    assert validate(OPTIMAL) == []
    assert [fault.pointer for fault in validate(OPTIMAL._replace(share=Share.MAX_MIN))] == ["/complete"]
