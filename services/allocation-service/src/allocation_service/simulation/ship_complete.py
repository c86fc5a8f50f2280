"""Greedy against optimal choice of orders that ship complete, where several SKUs bind.

Each instance is one moment: orders of several SKUs that are served whole or not at all, and too little
of most SKUs. The optimum is a 0/1 programme, solved by HiGHS; greedy is what the service does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from allocation_service.domain.allocating.deciding import decide
from allocation_service.domain.policies.policy import Demand, Location, Moment, Policy, Sort, Supply
from allocation_service.domain.policies.sorting import MICRO, Ranking, demand_value
from allocation_service.simulation.contenders import TERMS
from allocation_service.simulation.figures import GOALS, SHIP_COMPLETE, FigureRow, judged_row
from allocation_service.simulation.intervals import mean_interval
from allocation_service.simulation.setting import TIERS
from allocation_service.simulation.streams import draw

ORDERS, SKUS, SHARE = 60, 8, 0.55
SCENARIO = "ship complete"
GREEDY = Policy(sort=Sort.VALUE_INDEX, protect_promises=False, tiers=TERMS)
_GAP, _SECONDS = 0.001, 5.0
_NOW = datetime(2026, 1, 5, tzinfo=UTC)
_MOMENT = Moment(_NOW, _NOW.date() + timedelta(days=7))


class Wanted(NamedTuple):
    """An order: what serving it whole is worth by the policy's own index, its demands, its units by SKU number."""

    value: int
    demands: tuple[Demand, ...]
    units: dict[int, int]


class Instance(NamedTuple):
    """Orders in the sequence they came, and free units by SKU number."""

    orders: tuple[Wanted, ...]
    free: tuple[int, ...]


def instance(seed: int) -> Instance:
    """Orders of one to four SKUs, of every tier, placed within three weeks; stock for a share of what is wanted."""
    pick = draw(seed, "ship complete")
    ranking = Ranking(GREEDY, _MOMENT)
    orders = []
    for number in range(ORDERS):
        tier = int(pick.choice(len(TIERS), p=[one.share for one in TIERS]))
        placed = _NOW - timedelta(days=float(pick.uniform(0, 21)))
        skus = pick.choice(SKUS, size=int(pick.integers(1, 5)), replace=False)
        units = {int(sku): int(max(1, round(pick.lognormal(0.7, 0.7)))) for sku in skus}
        demands = tuple(
            Demand(
                f"{number}-{sku}", str(number), str(sku), wanted, placed, tier, ship_complete=True, placed_at=placed
            )
            for sku, wanted in units.items()
        )  # fmt: skip
        value = sum(demand_value(demand, ranking) * demand.quantity for demand in demands)
        orders.append(Wanted(value, demands, units))
    wanted = [sum(order.units.get(sku, 0) for order in orders) for sku in range(SKUS)]
    return Instance(tuple(orders), tuple(int(units * SHARE) for units in wanted))


def optimal_value(one: Instance) -> float:
    """The greatest value of orders that fit together, within a tenth of a percent; RuntimeError without one."""
    rows, columns, units = [], [], []
    for number, order in enumerate(one.orders):
        for sku, wanted in order.units.items():
            rows.append(sku)
            columns.append(number)
            units.append(wanted)
    matrix = csr_array((units, (rows, columns)), shape=(len(one.free), len(one.orders)))
    with _quietly():
        solved = milp(
            -np.array([order.value / MICRO for order in one.orders], dtype=float),
            constraints=LinearConstraint(matrix, ub=np.array(one.free, dtype=float)),
            bounds=Bounds(0, 1),
            integrality=np.ones(len(one.orders)),
            options={"mip_rel_gap": _GAP, "time_limit": _SECONDS},
        )
    if solved.x is None:
        raise RuntimeError(f"the optimum could not be computed: {solved.message}")
    return float(-solved.fun) * MICRO


@contextmanager
def _quietly() -> Iterator[None]:
    """HiGHS prints notes of its own development to the standard output, whatever it is told."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def value_of(one: Instance, chosen: Iterable[int]) -> int:
    """The value of the chosen orders. AssertionError where they do not fit the stock."""
    free = list(one.free)
    value = 0
    for number in set(chosen):
        value += one.orders[number].value
        for sku, units in one.orders[number].units.items():
            free[sku] -= units
    if min(free) < 0:
        raise AssertionError("more was chosen than is free")
    return value


def greedy_choice(one: Instance) -> list[int]:
    """The orders that the service's own decision serves."""
    demands = [demand for order in one.orders for demand in order.demands]
    supply = {
        str(sku): Supply(str(sku), (Location("main", 1, free),), _MOMENT.next_supply)
        for sku, free in enumerate(one.free)
    }
    decision = decide(supply, demands, GREEDY, _NOW)
    return [int(outcome.demand.order_id) for outcome in decision.outcomes if outcome.granted]


def ship_complete_rows(seeds: Iterable[int]) -> list[FigureRow]:
    """The value that greedy gets, as a share of the optimum, over one instance a seed."""
    ratios = []
    for seed in seeds:
        one = instance(seed)
        ratios.append(value_of(one, greedy_choice(one)) / optimal_value(one))
    goal = GOALS[SCENARIO, SHIP_COMPLETE]
    return [judged_row(SCENARIO, "greedy", SHIP_COMPLETE, mean_interval(ratios), goal)]
