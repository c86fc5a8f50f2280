"""The policies under test by name: the service's own, by its own ``decide``, and the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from allocation_service.domain.deciding import decide
from allocation_service.domain.policy import Demand, Location, Policy, Sort, Supply
from allocation_service.simulation.baselines import BASELINES, Sorted
from allocation_service.simulation.figures import FIFO
from allocation_service.simulation.running import Case, Contender
from allocation_service.simulation.setting import TIERS
from allocation_service.simulation.streams import Line

_START = datetime(2026, 1, 5, tzinfo=UTC)


class Decided:
    """A policy of the service: the waiting lines become demands, and ``decide`` hands out the stock."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._demands: dict[str, Demand] = {}

    def grants(self, case: Case) -> list[tuple[int, int]]:
        """What ``decide`` grants."""
        numbers = {case.lines[number].line_id: number for number in case.waiting}
        demands = [self._demand(case.lines[number], units) for number, units in case.waiting.items()]
        sku = case.lines[0].sku
        supply = Supply(sku, (Location("main", 1, case.free),), _day(case.next_supply))
        decision = decide({sku: supply}, demands, self._policy, _moment(case.now))
        return [(numbers[one.demand.line_id], one.granted) for one in decision.outcomes if one.granted]

    def _demand(self, line: Line, units: int) -> Demand:
        demand = self._demands.get(line.line_id)
        if demand is None:
            placed = _moment(line.placed)
            demand = self._demands[line.line_id] = Demand(
                line.line_id, line.order_id, line.sku, line.quantity, placed, line.tier, _moment(line.due).date()
            )
        return demand if units == demand.quantity else demand._replace(quantity=units)


def _moment(at: float) -> datetime:
    return _START + timedelta(days=at)


def _day(at: float | None) -> date | None:
    return None if at is None else _moment(at).date()


POLICIES: dict[str, Policy] = {
    FIFO: Policy(sort=Sort.FIFO, protect_promises=False),
    "priority": Policy(sort=Sort.PRIORITY, protect_promises=False),
}
"""The service's policies that a benchmark knows by name."""

JUDGED: tuple[str, ...] = ("priority",)
"""Policies that are measured against the goals."""

NAMES = (*POLICIES, *BASELINES)


def contender(name: str, policies: Mapping[str, Policy] | None = None) -> Contender:
    """A fresh contender. Raises ValueError, naming what there is, for an unknown name."""
    own = {**POLICIES, **(policies or {})}
    if name in own:
        return Decided(own[name])
    if name in BASELINES:
        return Sorted(name, BASELINES[name])
    raise ValueError(f"unknown policy {name!r}; there are {', '.join((*own, *BASELINES))}")


def tier_names() -> tuple[str, ...]:
    """The tiers of the benchmark, best first."""
    return tuple(tier.name for tier in TIERS)
