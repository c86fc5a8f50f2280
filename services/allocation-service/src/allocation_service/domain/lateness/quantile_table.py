"""A table of quantiles: which delay to count on, by supplier and situation. Immutable; a newer one has a new version.

A supplier with at least 19 observations of its own counts w = n/(n+40), the rest is the pool of all suppliers. The
pool's delays are in units of (lead + 3 days), because a delivery announced for next month slips further than one for
tomorrow, and are shrunk by n/(n+20) to half the lead and 2 days, which is all there is to go by in the beginning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from allocation_service.domain.lateness.situations import LEAD_TIME, Situation, situation_of

LEAST_OWN = 19
"""Observations from which a supplier is judged by its own: with 19, the largest bounds the next with 95 %."""
_OWN_HALF, _POOL_HALF, _UNIT_DAYS = 40, 20, 3
_COLD_SHARE, _COLD_DAYS = 0.5, 2
_EPSILON = 1e-9

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
"""Levels that a table has plain quantiles of, to say how probable a date is."""
_MEDIAN = LEVELS.index(0.5)

DEFAULT_TARGET = 95
"""Of 100 first dates, how many are to be kept, where nothing else is stated."""
LEAST_TARGET, MOST_TARGET = 80, 99


class Quantiles(NamedTuple):
    """Of one supplier (in days) or of all (in units): ``plain`` at each of LEVELS, ``safe`` by target per cent."""

    observations: int
    plain: tuple[float, ...]
    safe: Mapping[int, float]


class SafeDay(NamedTuple):
    """The day to promise of a delivery (``safe``), and the day by which it comes as likely as not (``median``)."""

    safe: date
    median: date


@dataclass(frozen=True, slots=True)
class QuantileTable:
    """``own`` by supplier and situation, ``pool`` by situation; ``yields`` by supplier, then target: the share of what
    is ordered that is surely delivered (supplier "": of all)."""

    version: int = 0
    own: Mapping[tuple[str, Situation], Quantiles] = field(default_factory=dict)
    pool: Mapping[Situation, Quantiles] = field(default_factory=dict)
    yields: Mapping[str, Mapping[int, float]] = field(default_factory=dict)

    def safe_day(self, supplier: str, eta: date, today: date, target: int) -> SafeDay:
        """When a delivery announced for ``eta`` can be counted on. What has not been received counts from tomorrow."""
        lead = (eta - today).days
        situation = situation_of(lead)
        base, tomorrow = max(eta, today), today + timedelta(days=1)
        safe = self._delay(supplier, situation, abs(lead), target)
        median = self._plain(supplier, situation, abs(lead), _MEDIAN)
        return SafeDay(
            max(tomorrow, base + timedelta(days=_whole(safe))),
            max(tomorrow, base + timedelta(days=_whole(min(safe, median)))),
        )

    def units(self, supplier: str, remaining: int, target: int) -> int:
        """Units of a delivery that can be counted on."""
        share = _nearest(self.yields.get(supplier) or self.yields.get("") or {}, target)
        return remaining if share is None else math.floor(remaining * min(1.0, share) + _EPSILON)

    def lead_time_days(self, sku: str, lead_time: int, target: int) -> int:
        """Days until units come that are not ordered from anybody yet; at least 1."""
        delay = self._delay(sku, LEAD_TIME, lead_time, target)
        return max(1, lead_time + _whole(delay, least=-lead_time))

    def confidence(self, supplier: str, eta: date, today: date, day: date) -> float:
        """A lower bound of the probability that a delivery announced for ``eta`` is there by ``day``."""
        lead = (eta - today).days
        slack = (day - max(eta, today)).days
        return self._reached(supplier, situation_of(lead), abs(lead), slack)

    def lead_time_confidence(self, sku: str, lead_time: int, asked_on: date, day: date) -> float:
        """The same of units promised by the lead time alone, asked for on a day."""
        return self._reached(sku, LEAD_TIME, lead_time, (day - asked_on).days - lead_time)

    def _reached(self, source: str, situation: Situation, lead: int, slack: int) -> float:
        kept = [
            level
            for index, level in enumerate(LEVELS)
            if self._plain(source, situation, lead, index) <= slack + _EPSILON
        ]
        return max(kept, default=0.0)

    def _delay(self, source: str, situation: Situation, lead: int, target: int) -> float:
        pool = self.pool.get(situation)
        found = _shrunk(pool, _nearest(pool.safe, target) if pool else None, lead, _cold(lead))
        own = self.own.get((source, situation))
        return _mixed(own, _nearest(own.safe, target) if own else None, found)

    def _plain(self, source: str, situation: Situation, lead: int, level: int) -> float:
        # In the beginning, a supplier's word is as good as its date for the median, and as the cold start above it.
        cold = 0.0 if LEVELS[level] <= LEVELS[_MEDIAN] else _cold(lead) * (LEVELS[level] - 0.5) / 0.45
        pool = self.pool.get(situation)
        found = _shrunk(pool, pool.plain[level] if pool else None, lead, cold)
        own = self.own.get((source, situation))
        return _mixed(own, own.plain[level] if own else None, found)


NO_HISTORY = QuantileTable()
"""Before anything has been observed: the cold start."""


def _cold(lead: int) -> float:
    return _COLD_SHARE * lead + _COLD_DAYS


def _shrunk(pool: Quantiles | None, units: float | None, lead: int, cold: float) -> float:
    if pool is None or units is None:
        return cold
    weight = pool.observations / (pool.observations + _POOL_HALF)
    return weight * units * unit_days(lead) + (1 - weight) * cold


def _mixed(own: Quantiles | None, days: float | None, pool: float) -> float:
    if own is None or days is None or own.observations < LEAST_OWN:
        return pool
    weight = own.observations / (own.observations + _OWN_HALF)
    return weight * days + (1 - weight) * pool


def unit_days(lead: int) -> int:
    """Days of one unit in which the pool is measured."""
    return lead + _UNIT_DAYS


def _nearest(by_target: Mapping[int, float], target: int) -> float | None:
    """Of the target, or of the next stricter one that the table has, or else of the strictest."""
    if target in by_target or not by_target:
        return by_target.get(target)
    stricter = [one for one in by_target if one > target]
    return by_target[min(stricter) if stricter else max(by_target)]


def _whole(days: float, least: int = 0) -> int:
    return max(least, math.ceil(days - _EPSILON))
