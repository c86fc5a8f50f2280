"""The policies under test by name: the service's own, by its own ``decide``, and the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from allocation_service.domain.allocating.deciding import decide
from allocation_service.domain.policies.policy import (
    Ageing,
    Demand,
    Expectation,
    Holdback,
    Location,
    Policy,
    Sort,
    Supply,
    TierTerms,
)
from allocation_service.domain.policies.policy_document import policy_from
from allocation_service.simulation.baselines import BASELINES, Sorted
from allocation_service.simulation.figures import FIFO
from allocation_service.simulation.forecasting import expected
from allocation_service.simulation.request import Documents, fields_of
from allocation_service.simulation.running import Contender, SimulatedSku
from allocation_service.simulation.setting import TIERS
from allocation_service.simulation.streams import StreamLine

_START = datetime(2026, 1, 5, tzinfo=UTC)


LEAD_TIME_DAYS = 21
"""What the service knows of a SKU where nothing is inbound: the mean lead time and the week between orders."""


class ContenderDecision:
    """A policy of the service: the waiting lines become demands, and ``decide`` hands out the stock.

    ``dated`` false: as if no delivery had a confirmed date, so that the lead time stands for it.
    """

    def __init__(self, policy: Policy, *, dated: bool = True) -> None:
        self._policy, self._dated = policy, dated
        self._demands: dict[str, Demand] = {}

    def grants(self, simulated: SimulatedSku) -> list[tuple[int, int]]:
        """What ``decide`` grants."""
        now = _moment(simulated.now)
        numbers = {simulated.lines[number].line_id: number for number in simulated.waiting}
        demands = [self._demand(simulated.lines[number], units) for number, units in simulated.waiting.items()]
        supply = self._supply(simulated, now)
        decision = decide({supply.sku: supply}, demands, self._policy, now)
        return [(numbers[one.demand.line_id], one.granted) for one in decision.outcomes if one.granted]

    def _supply(self, simulated: SimulatedSku, now: datetime) -> Supply:
        expected_at = simulated.next_supply if self._dated else None
        next_supply = None if expected_at is None else _moment(expected_at).date()
        supply = Supply(simulated.lines[0].sku, (Location("main", 1, simulated.free),), next_supply, LEAD_TIME_DAYS)
        if self._policy.holdback is None:
            return supply
        horizon = supply.moment(now).horizon_days
        forecast = tuple(
            Expectation(*one) for one in expected(simulated.lines, simulated.placed, simulated.now, horizon)
        )
        return supply._replace(forecast=forecast)

    def _demand(self, line: StreamLine, units: int) -> Demand:
        demand = self._demands.get(line.line_id)
        if demand is None:
            placed = _moment(line.placed)
            demand = self._demands[line.line_id] = Demand(
                line.line_id,
                line.order_id,
                line.sku,
                line.quantity,
                placed,
                line.tier,
                _moment(line.due).date(),
                customer_id=line.customer,
                placed_at=placed,
            )
        if units == demand.quantity:
            return demand
        return demand._replace(quantity=units, granted=demand.quantity - units if self._policy.shared else 0)


def _moment(at: float) -> datetime:
    return _START + timedelta(days=at)


TERMS = tuple(TierTerms(one.name, one.weight, round(one.patience_days), round(one.due_days)) for one in TIERS)
_FIFO = Policy(sort=Sort.FIFO, protect_promises=False, tiers=TERMS)
_INDEX = _FIFO._replace(sort=Sort.VALUE_INDEX)
_HOLDBACK = _INDEX._replace(holdback=Holdback())

POLICIES: dict[str, Policy] = {
    FIFO: _FIFO,
    "priority": _FIFO._replace(sort=Sort.PRIORITY),
    "earliest-due": _FIFO._replace(sort=Sort.EARLIEST_DUE),
    "index": _INDEX,
    "index+holdback": _HOLDBACK,
    "index+holdback+ageing": _HOLDBACK._replace(ageing=Ageing(step_days=14, max_days=21)),
}
"""The service's policies that a benchmark knows by name."""

UNDATED = "index+holdback undated"
"""Index and holdback as if no delivery had a confirmed date: the policy of the known figures."""

JUDGED: tuple[str, ...] = ("index+holdback+ageing",)
"""Policies that are measured against the goals."""

NAMES = (*POLICIES, UNDATED, *BASELINES)


def contender(name: str, documents: Documents) -> Contender:
    """A fresh contender. Raises ValueError, naming what there is, for an unknown name."""
    if name in documents:
        return ContenderDecision(described(documents[name]))
    if name in POLICIES:
        return ContenderDecision(POLICIES[name])
    if name == UNDATED:
        return ContenderDecision(_HOLDBACK, dated=False)
    if name in BASELINES:
        return Sorted(name, BASELINES[name])
    raise ValueError(f"unknown policy {name!r}; there are {', '.join((*documents, *NAMES))}")


def described(document: Mapping[str, Any]) -> Policy:
    """The policy of a document; without tiers of its own it has those of the benchmark."""
    fields = fields_of(document)
    policy = policy_from(fields)
    return policy if "tiers" in fields else policy._replace(tiers=TERMS)
