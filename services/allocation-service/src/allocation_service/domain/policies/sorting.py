"""The order in which waiting demand is served: one total order for each policy and moment."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol

from allocation_service.domain.policies.policy import NO_DATE, Demand, Key, Moment, Policy, Sort

_ONE_DAY = timedelta(days=1)

MICRO = 1_000_000
"""Values are whole millionths of a weighted day, so that they compare the same everywhere."""


_AT_THE_TOP, _REST = 0, 1
_NO_DAY = 10_000_000
"""More than the number of any day, so that the bands of days stand before the others."""


class Protection(NamedTuple):
    """Whose promises are served before the rest. Those that known supply backs and that claim it by ``through`` are
    kept: served by the day of their claims, and on a day in the order they joined the queue, as claims are counted
    (``promise_revision.revise``). Behind them come those that claim a day before ``before``: nothing known keeps them,
    and what is ordered today comes too late, so that the sort decides among them.
    """

    through: date
    before: date

    @classmethod
    def of(cls, policy: Policy, moment: Moment) -> Protection:
        """What a policy protects at a moment; nothing where it does not protect promises."""
        if not policy.protect_promises:
            return cls(date.min, date.min)
        return cls(moment.kept_through or date.min, moment.protected_before)

    def is_kept(self, claim_date: date | None, *, backed: bool) -> bool:
        """The promise is kept first: the sort has no say."""
        return backed and claim_date is not None and claim_date <= self.through

    def is_at_risk(self, claim_date: date | None) -> bool:
        """A promise that is not kept first claims a day that has passed, or comes before any supply."""
        return claim_date is not None and claim_date < self.before


class DateProtection(NamedTuple):
    """The older rule, by which decisions of before promises had claims are computed again: promises through the day
    ``through`` are kept, those for ``overdue`` (yesterday) and earlier stand before them, and those for a day before
    ``before`` behind them, whatever they rest on."""

    overdue: date
    through: date
    before: date

    @classmethod
    def of(cls, policy: Policy, moment: Moment) -> DateProtection:
        """What a policy protected at a moment."""
        overdue = moment.now.date() - _ONE_DAY
        if not policy.protect_promises:
            return cls(overdue, date.min, date.min + _ONE_DAY)
        through = moment.kept_through or date.min
        return cls(overdue, through, max(moment.protected_before, through + _ONE_DAY))


class Sortable(Protocol):
    """What a sort reads of a demand, or of granted units, to find its place in the queue."""

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
    def claim_date(self) -> date | None: ...
    @property
    def backed(self) -> bool: ...
    @property
    def unit_value(self) -> int: ...


def sort_key(demand: Sortable, policy: Policy, moment: Moment) -> Key:
    """The place of a demand under a policy; ties always end in (queued at, line id)."""
    return Ranking(policy, moment).key(demand)


class Ranking:
    """The order of one SKU's queue at one moment. What is the same for a whole class is computed once, so
    that ranking a hundred thousand demands takes a fraction of a second."""

    def __init__(self, policy: Policy, moment: Moment) -> None:
        self.policy, self.moment = policy, moment
        self.today = moment.now.date().toordinal()
        self.horizon = moment.horizon_days
        self.protection = Protection.of(policy, moment)
        self._through, self._before = self.protection.through, self.protection.before
        self._by_date = None if moment.by_claim else DateProtection.of(policy, moment)
        self._lowest = self._by_date.overdue.toordinal() - _NO_DAY if self._by_date else -_NO_DAY
        self._last = len(policy.tiers) - 1
        self._ageing = policy.ageing
        self._oldest = moment.now - timedelta(days=policy.ageing.max_days) if policy.ageing else None
        self._terms: dict[tuple[int, int, int], tuple[int, int]] = {}
        self.key: Callable[[Sortable], Key] = {
            Sort.FIFO: self._fifo,
            Sort.PRIORITY: self._priority,
            Sort.EARLIEST_DUE: self._earliest_due,
            Sort.VALUE_INDEX: self._value_index,
        }[policy.sort]

    def band(self, demand: Sortable) -> int:
        """Which part of the queue a demand belongs to: that of the day of its claim if its promise is to be kept, that
        of those whose promise is at risk anyway or who have waited longer than anyone should, or the rest."""
        if self._by_date is not None:
            return self._band_by_date(demand, self._by_date)
        claim = demand.claim_date
        if claim is not None:
            if demand.backed and claim <= self._through:
                return claim.toordinal() - _NO_DAY
            if claim < self._before:
                return _AT_THE_TOP
        return self._band_by_age(demand)

    def _band_by_date(self, demand: Sortable, by_date: DateProtection) -> int:
        promised = demand.promise_date
        if promised is not None and promised < by_date.before:
            return max(promised.toordinal() - _NO_DAY, self._lowest) if promised <= by_date.through else _AT_THE_TOP
        return self._band_by_age(demand)

    def _band_by_age(self, demand: Sortable) -> int:
        return _AT_THE_TOP if self._oldest is not None and demand.queued_at < self._oldest else _REST

    def keeps_promise(self, demand: Sortable) -> bool:
        """Its promise is backed, and would break if what is free went to others."""
        claim = demand.claim_date
        return self._by_date is None and demand.backed and claim is not None and claim <= self._through

    def on_top(self, demand: Sortable) -> bool:
        """It is served before the rest, whatever the sort says."""
        return self.band(demand) <= _AT_THE_TOP

    def counts_as(self, tier_rank: int, queued_at: datetime) -> int:
        """The tier rank (0 is the best) that a line counts as: its own, or a better one after waiting long enough."""
        if self._ageing is None:
            return tier_rank
        return max(0, tier_rank - (self.moment.now - queued_at).days // self._ageing.step_days)

    def due(self, demand: Sortable) -> date:
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
        counts_as = self.counts_as(tier_rank, queued_at) if self._ageing else tier_rank
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

    def _in_turn(self, band: int) -> bool:
        return self._lowest < band < _AT_THE_TOP

    def _fifo(self, demand: Sortable) -> Key:
        return (self.band(demand), 0, NO_DATE, demand.queued_at, demand.line_id)

    def _priority(self, demand: Sortable) -> Key:
        band, queued_at = self.band(demand), demand.queued_at
        if self._in_turn(band):
            return (band, 0, NO_DATE, queued_at, demand.line_id)
        return (
            band,
            self.counts_as(demand.tier_rank, queued_at),
            demand.needed_by,
            queued_at,
            demand.line_id,
        )

    def _earliest_due(self, demand: Sortable) -> Key:
        band = self.band(demand)
        due = NO_DATE if self._in_turn(band) else self.due(demand)
        return (band, 0, due, demand.queued_at, demand.line_id)

    def _value_index(self, demand: Sortable) -> Key:
        band, queued_at = self.band(demand), demand.queued_at
        if self._in_turn(band):
            return (band, 0, NO_DATE, queued_at, demand.line_id)
        due = self.due(demand)
        return (band, -self.value(demand.tier_rank, demand.unit_value, due, queued_at), due, queued_at, demand.line_id)


def value_band(unit_value: int) -> int:
    """Doublings of a unit's value above one major unit of currency: 0 below it, 7 from 64 to 127. What
    is dearer counts more, but no single article outweighs every customer."""
    return (max(0, unit_value) // 100).bit_length()


def is_on_top(key: Key) -> bool:
    """Whoever stands there is served before the rest, whatever the sort says."""
    return key[0] <= _AT_THE_TOP


def class_of(key: Key) -> tuple[int, int]:
    """What those have in common among whom a share divides supply that does not reach."""
    return key[:2]


def demand_value(demand: Demand, ranking: Ranking) -> int:
    """The value of a unit of a demand, whatever the sort."""
    return ranking.value(demand.tier_rank, demand.unit_value, ranking.due(demand), demand.queued_at)
