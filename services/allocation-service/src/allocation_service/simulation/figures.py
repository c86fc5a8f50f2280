"""The figures of a benchmark: one row for each scenario, policy and figure, with interval and goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from allocation_service.simulation.intervals import mean_interval, ratio_interval
from allocation_service.simulation.measures import Measures
from allocation_service.simulation.setting import TIERS

FIFO = "fifo"
BOUND = "clairvoyant bound"

COST, GAP, LOWEST, SHIP_COMPLETE = "cost_vs_fifo", "gap_closed", "lowest_tier_extra_loss", "greedy_vs_mip"
FILL = "fill_by_tier"


class Goal(NamedTuple):
    """What is to be reached: at most, or at least."""

    at_most: float | None = None
    at_least: float | None = None

    def met(self, value: float) -> bool:
        """Whether a value reaches it."""
        above = self.at_most is None or value <= self.at_most
        return above and (self.at_least is None or value >= self.at_least)

    def __str__(self) -> str:
        return f"<= {self.at_most:g}" if self.at_most is not None else f">= {self.at_least:g}"


GOALS: dict[tuple[str, str], Goal] = {
    ("severe", COST): Goal(at_most=-0.25),
    ("moderate", COST): Goal(at_most=-0.15),
    ("severe", GAP): Goal(at_least=0.45),
    ("moderate", GAP): Goal(at_least=0.30),
    ("severe", LOWEST): Goal(at_most=0.03),
    ("moderate", LOWEST): Goal(at_most=0.03),
    ("ship complete", SHIP_COMPLETE): Goal(at_least=0.97),
}


class FigureRow(NamedTuple):
    """A figure of a policy. ``goal`` and ``met`` only where the policy is meant to reach a goal; ``tier`` where
    the figure is one of each tier (``fill_by_tier``)."""

    scenario: str
    policy: str
    figure: str
    value: float
    ci_low: float
    ci_high: float
    goal: str | None = None
    met: bool | None = None
    tier: str | None = None


class Seeded(NamedTuple):
    """One world of a scenario: the bound, and the measures of each policy."""

    seed: int
    bound: float
    measures: Mapping[str, Measures]


def _cost(one: Measures, fifo: Measures, bound: float) -> tuple[float, float]:
    return one.cost - fifo.cost, fifo.cost


def _gap_closed(one: Measures, fifo: Measures, bound: float) -> tuple[float, float]:
    return fifo.cost - one.cost, fifo.cost - bound


RATIOS: dict[str, Callable[[Measures, Measures, float], tuple[float, float]]] = {COST: _cost, GAP: _gap_closed}
"""Figures that are ratios of totals over all seeds: (part, whole) of one seed."""


def _fill_of(tier_rank: int) -> Callable[[Measures, Measures], float]:
    return lambda one, fifo: one.fill[tier_rank]


MEANS: dict[str, Callable[[Measures, Measures], float]] = {
    LOWEST: lambda one, fifo: one.lost[-1] - fifo.lost[-1],
    **{f"{FILL}.{tier.name}": _fill_of(tier_rank) for tier_rank, tier in enumerate(TIERS)},
    "wait_mean": lambda one, fifo: one.wait_mean,
    "wait_p95": lambda one, fifo: one.wait_p95,
    "weighted_tardiness": lambda one, fifo: one.tardiness,
    "cancelled": lambda one, fifo: one.cancelled,
    "worst_decile_customer": lambda one, fifo: one.worst_decile,
    "jain": lambda one, fifo: one.jain,
}
"""Figures that are means over seeds; differences from first come are taken within a seed."""


def rows_of(scenario: str, seeded: Sequence[Seeded], policies: Sequence[str], judged: Sequence[str]) -> list[FigureRow]:
    """All figures of a scenario; ``judged`` names the policies that are measured against the goals."""
    rows = []
    for policy in policies:
        pairs = [(one.measures[policy], one.measures[FIFO], one.bound) for one in seeded]
        intervals = {
            figure: ratio_interval(*zip(*[compute(*pair) for pair in pairs], strict=True))
            for figure, compute in RATIOS.items()
        }
        intervals |= {
            figure: mean_interval([compute(one, fifo) for one, fifo, _ in pairs]) for figure, compute in MEANS.items()
        }
        for name, interval in intervals.items():
            goal = GOALS.get((scenario, name)) if policy in judged else None
            figure, _, tier = name.partition(".")
            rows.append(judged_row(scenario, policy, figure, interval, goal)._replace(tier=tier or None))
    fifo_costs = [one.measures[FIFO].cost for one in seeded]
    saved = [one.bound - cost for one, cost in zip(seeded, fifo_costs, strict=True)]
    rows.append(judged_row(scenario, BOUND, COST, ratio_interval(saved, fifo_costs), None))
    return rows


def judged_row(scenario: str, policy: str, figure: str, interval: Sequence[float], goal: Goal | None) -> FigureRow:
    """A row with its judgement: the goal is met where the mean reaches it."""
    value, low, high = interval
    return FigureRow(
        scenario, policy, figure, value, low, high, str(goal) if goal else None, goal.met(value) if goal else None
    )


def as_json(rows: Sequence[FigureRow]) -> list[dict[str, Any]]:
    """Rows as plain JSON; ``tier`` only in the rows that have one."""
    return [{name: value for name, value in row._asdict().items() if name != "tier" or value} for row in rows]
