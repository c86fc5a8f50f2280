"""The figures of a benchmark: one row for each scenario, policy and figure, with interval and goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from allocation_service.simulation.intervals import mean_interval
from allocation_service.simulation.measures import Measures
from allocation_service.simulation.setting import TIERS

FIFO = "fifo"

COST, GAP, LOWEST, SHIP_COMPLETE = "cost_vs_fifo", "gap_closed", "lowest_tier_extra_loss", "greedy_vs_mip"


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


class Row(NamedTuple):
    """A figure of a policy. ``goal`` and ``met`` only where the policy is meant to reach a goal."""

    scenario: str
    policy: str
    figure: str
    value: float
    ci_low: float
    ci_high: float
    goal: str | None = None
    met: bool | None = None


class Seeded(NamedTuple):
    """One world of a scenario: the bound, and the measures of each policy."""

    seed: int
    bound: float
    measures: Mapping[str, Measures]


Figure = Callable[[Measures, Measures, float], float]


def _gap_closed(one: Measures, fifo: Measures, bound: float) -> float:
    gap = fifo.cost - bound
    return (fifo.cost - one.cost) / gap if gap > 0 else 0.0


def _fill_of(rank: int) -> Figure:
    return lambda one, fifo, bound: one.fill[rank]


_FIGURES: dict[str, Figure] = {
    COST: lambda one, fifo, bound: one.cost / fifo.cost - 1 if fifo.cost else 0.0,
    GAP: _gap_closed,
    LOWEST: lambda one, fifo, bound: one.lost[-1] - fifo.lost[-1],
    **{f"fill_by_tier.{tier.name}": _fill_of(rank) for rank, tier in enumerate(TIERS)},
    "wait_mean": lambda one, fifo, bound: one.wait_mean,
    "wait_p95": lambda one, fifo, bound: one.wait_p95,
    "weighted_tardiness": lambda one, fifo, bound: one.tardiness,
    "cancelled": lambda one, fifo, bound: one.cancelled,
    "worst_decile_customer": lambda one, fifo, bound: one.worst_decile,
    "jain": lambda one, fifo, bound: one.jain,
}


def rows_of(scenario: str, seeded: Sequence[Seeded], policies: Sequence[str], judged: Sequence[str]) -> list[Row]:
    """All figures of a scenario; ``judged`` names the policies that are measured against the goals."""
    rows = []
    for policy in policies:
        for figure, compute in _FIGURES.items():
            interval = mean_interval([compute(one.measures[policy], one.measures[FIFO], one.bound) for one in seeded])
            goal = GOALS.get((scenario, figure)) if policy in judged else None
            rows.append(judged_row(scenario, policy, figure, interval, goal))
    bound = mean_interval([one.bound / one.measures[FIFO].cost - 1 for one in seeded])
    rows.append(judged_row(scenario, "clairvoyant bound", COST, bound, None))
    return rows


def judged_row(scenario: str, policy: str, figure: str, interval: Sequence[float], goal: Goal | None) -> Row:
    """A row with its judgement: the goal is met where the mean reaches it."""
    value, low, high = interval
    return Row(
        scenario, policy, figure, value, low, high, str(goal) if goal else None, goal.met(value) if goal else None
    )


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows as plain JSON."""
    return [row._asdict() for row in rows]
