"""The order in which waiting demand is served: one total order for each policy and moment."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Protocol

from allocation_service.domain.policy import NO_DATE, Demand, Key, Moment, Policy, Sort

MICRO = 1_000_000
"""Values are whole millionths of a weighted day, so that they compare the same everywhere."""


class Ranked(Protocol):
    """What the place of a demand, or of granted units, depends on."""

    @property
    def line_id(self) -> str: ...
    @property
    def queued_at(self) -> datetime: ...
    @property
    def tier_rank(self) -> int: ...
    @property
    def needed_by(self) -> date: ...
    @property
    def promise_date(self) -> date | None: ...
    @property
    def unit_value(self) -> int: ...


def sort_key(demand: Ranked, policy: Policy, moment: Moment) -> Key:
    """The place of a demand under a policy; ties always end in (queued at, line id)."""
    return Ranking(policy, moment).key(demand)


class Ranking:
    """The order of one SKU's queue at one moment. What is the same for a whole class is computed once, so
    that ranking a hundred thousand demands takes a fraction of a second."""

    def __init__(self, policy: Policy, moment: Moment) -> None:
        self.policy, self.moment = policy, moment
        self.today = moment.now.date().toordinal()
        self.horizon = moment.horizon_days
        self.protected_before = moment.protected_before if policy.protect_promises else date.min
        self._last = len(policy.tiers) - 1
        self._ageing = policy.ageing
        self._oldest = moment.now - timedelta(days=policy.ageing.max_days) if policy.ageing else None
        self._terms: dict[tuple[int, int, int], tuple[int, int]] = {}
        self.key: Callable[[Ranked], Key] = {
            Sort.FIFO: self._fifo,
            Sort.PRIORITY: self._priority,
            Sort.EARLIEST_DUE: self._earliest_due,
            Sort.VALUE_INDEX: self._value_index,
        }[policy.sort]

    def on_top(self, demand: Ranked) -> bool:
        """Its promise is at risk, or it has waited longer than anyone should."""
        promised = demand.promise_date
        if promised is not None and promised < self.protected_before:
            return True
        return self._oldest is not None and demand.queued_at < self._oldest

    def rank(self, tier_rank: int, queued_at: datetime) -> int:
        """The tier a line counts as: its own, or a better one once it has waited long enough."""
        if self._ageing is None:
            return tier_rank
        return max(0, tier_rank - (self.moment.now - queued_at).days // self._ageing.step_days)

    def due(self, demand: Ranked) -> date:
        """The date it is needed by, else what its tier may expect after these units were ordered."""
        if demand.needed_by != NO_DATE:
            return demand.needed_by
        return demand.queued_at.date() + timedelta(days=self.policy.tiers[min(demand.tier_rank, self._last)].due_days)

    def value(self, tier_rank: int, unit_value: int, due: date, queued_at: datetime) -> int:
        """What it costs to let a unit wait for the next receipt, in millionths of a weighted day.

        v = w·[clip(now+τ−max(now,due), 0, τ) + Λ(1−e^(−τ/θ))] + date weight · days queued: the lateness that
        waiting adds and the expected loss. w is the tier's weight as far as loyalty counts, more by the
        value weight for each doubling of the unit's value. Never falls when a line is due, or was queued,
        earlier: an aged line has the weight of the better tier but its own patience.
        """
        weights = self.policy.value_index.weights
        counts_as = self.rank(tier_rank, queued_at) if self._ageing else tier_rank
        band = value_band(unit_value) if weights.value else 0
        terms = self._terms.get((counts_as, tier_rank, band))
        if terms is None:
            terms = self._terms[counts_as, tier_rank, band] = self._class_terms(counts_as, tier_rank, band)
        days_left = due.toordinal() - self.today
        late = self.horizon if days_left <= 0 else max(0, self.horizon - days_left)
        value = terms[0] * late + terms[1]
        if weights.date:
            value += weights.date * (MICRO // 100) * max(0, (self.moment.now - queued_at).days)
        return value

    def _class_terms(self, counts_as: int, tier_rank: int, band: int) -> tuple[int, int]:
        """Micro-units for each day late, and for the risk of a cancellation."""
        tiers, index = self.policy.tiers, self.policy.value_index
        weights = index.weights
        percent = 100 + weights.loyalty * (tiers[min(counts_as, self._last)].weight - 1) + weights.value * band
        patience = tiers[min(tier_rank, self._last)].patience_days
        lost = index.loss_days * -math.expm1(-self.horizon / patience)
        return percent * weights.urgency * (MICRO // 10_000), round(percent * lost * (MICRO // 100))

    def _fifo(self, demand: Ranked) -> Key:
        return (0 if self.on_top(demand) else 1, 0, NO_DATE, demand.queued_at, demand.line_id)

    def _priority(self, demand: Ranked) -> Key:
        queued_at = demand.queued_at
        rank = self.rank(demand.tier_rank, queued_at)
        return (0 if self.on_top(demand) else 1, rank, demand.needed_by, queued_at, demand.line_id)

    def _earliest_due(self, demand: Ranked) -> Key:
        return (0 if self.on_top(demand) else 1, 0, self.due(demand), demand.queued_at, demand.line_id)

    def _value_index(self, demand: Ranked) -> Key:
        due, queued_at = self.due(demand), demand.queued_at
        value = self.value(demand.tier_rank, demand.unit_value, due, queued_at)
        return (0 if self.on_top(demand) else 1, -value, due, queued_at, demand.line_id)


def value_band(unit_value: int) -> int:
    """Doublings of a unit's value above one major unit of currency: 0 below it, 7 from 64 to 127. What
    is dearer counts more, but no single article outweighs every customer."""
    return (max(0, unit_value) // 100).bit_length()


def class_of(key: Key) -> tuple[int, int]:
    """What those have in common among whom a share divides supply that does not reach."""
    return key[:2]


def demand_value(demand: Demand, ranking: Ranking) -> int:
    """The value of a unit of a demand, whatever the sort."""
    return ranking.value(demand.tier_rank, demand.unit_value, ranking.due(demand), demand.queued_at)
