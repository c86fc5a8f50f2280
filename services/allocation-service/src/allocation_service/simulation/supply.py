"""Supply: weekly base-stock purchase orders, late and noisy as suppliers are; the same for every policy."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from allocation_service.simulation.setting import Scenario

_KNOWN_DAYS = 28.0
GRACE_DAYS = 2.0
"""An overdue delivery is expected so many days from now, as the service does."""


class SupplyDelivery(NamedTuple):
    """Units of a SKU: ordered, expected on ``eta``, there ``at``; in days since the start."""

    ordered: float
    at: float
    units: int
    eta: float
    disrupted: bool

    def expected(self, now: float) -> float:
        """The date that is known now. A disruption is told once the first date has passed."""
        if now < self.eta:
            return self.eta
        if self.disrupted and now >= self.eta:
            return max(self.at, now)
        return now + GRACE_DAYS


class Buyer:
    """Orders every week up to a base stock: a share of the demand expected over lead time and review.

    Its position counts what customers withdrew. Where customers wait depends on the policy, so the
    buyer watches a first-come run once; the deliveries it caused are then given to every policy.
    """

    def __init__(self, scenario: Scenario, rate: float, pick: np.random.Generator) -> None:
        self._scenario, self._rate, self._pick = scenario, rate, pick
        self._history: deque[tuple[float, int]] = deque()
        self.on_order = 0

    def opening(self) -> tuple[int, list[SupplyDelivery]]:
        """Units on hand at the start, and a first delivery ordered then."""
        level = self._level(0.0)
        return math.ceil(level / 2), self._order(0.0, level // 2)

    def demanded(self, units: int, at: float) -> None:
        """Customers asked for units."""
        self._history.append((at, units))

    def review(self, now: float, free: int, waiting: int) -> list[SupplyDelivery]:
        """What is ordered today."""
        return self._order(now, self._level(now) - (free + self.on_order - waiting))

    def _level(self, now: float) -> int:
        while self._history and self._history[0][0] <= now - _KNOWN_DAYS:
            self._history.popleft()
        observed = min(_KNOWN_DAYS, now)
        seen = sum(units for _, units in self._history)
        rate = (seen + self._rate * (_KNOWN_DAYS - observed)) / _KNOWN_DAYS
        suppliers = self._scenario.suppliers
        return round(self._scenario.cover * rate * (suppliers.mean_days + suppliers.review_days))

    def _order(self, now: float, units: int) -> list[SupplyDelivery]:
        suppliers, pick = self._scenario.suppliers, self._pick
        # Drawn whether or not something is ordered: the draws of a week stay the draws of that week.
        spread = math.log1p(suppliers.cv**2)
        lead = float(pick.lognormal(math.log(suppliers.mean_days) - spread / 2, math.sqrt(spread)))
        error = float(pick.lognormal(0.0, self._scenario.eta_error))
        disrupted = float(pick.random()) < suppliers.disrupted
        if units <= 0:
            return []
        self.on_order += units
        late = suppliers.disruption_days if disrupted else 0.0
        return [SupplyDelivery(now, now + lead + late, units, now + lead * error, disrupted)]
