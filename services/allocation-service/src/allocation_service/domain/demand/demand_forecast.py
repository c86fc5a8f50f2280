"""What each tier is expected to order before the next receipt, from what it ordered a day until now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from allocation_service.domain.policies.policy import Expectation, Forecast

WINDOW_DAYS = 90
"""How far back demand counts."""

_AT_LEAST_DAYS = 14
"""Less than that says too little of how demand varies: nothing is expected, and nothing held back."""


class DayUnits(NamedTuple):
    """Units of a SKU that a tier ordered on a day, declined ones included."""

    day: date
    tier_rank: int
    units: int


class DailyDemand(NamedTuple):
    """Mean and variance of a tier's units a day."""

    mean: float
    variance: float


def daily_demand(history: Iterable[DayUnits], today: date) -> Mapping[int, DailyDemand]:
    """Demand a day by tier rank, over the days before ``today`` since the SKU was first ordered, at most
    ``WINDOW_DAYS``; days without orders count. Empty where the history is too short."""
    seen = [one for one in history if 0 < (today - one.day).days <= WINDOW_DAYS]
    days = max(((today - one.day).days for one in seen), default=0)
    if days < _AT_LEAST_DAYS:
        return {}
    sums: dict[int, int] = {}
    squares: dict[int, int] = {}
    for _, tier_rank, units in seen:
        sums[tier_rank] = sums.get(tier_rank, 0) + units
        squares[tier_rank] = squares.get(tier_rank, 0) + units * units
    found = {}
    for tier_rank, total in sums.items():
        mean = total / days
        found[tier_rank] = DailyDemand(mean, max(0.0, (squares[tier_rank] - days * mean * mean) / (days - 1)))
    return found


def forecast(daily: Mapping[int, DailyDemand], tiers: int, days: int) -> Forecast | None:
    """Demand of ``days`` days by tier, days being independent of one another; None where nothing is known."""
    if not daily:
        return None
    nothing = DailyDemand(0.0, 0.0)
    each = [daily.get(tier_rank, nothing) for tier_rank in range(tiers)]
    return tuple(Expectation(round(one.mean * days, 6), round(one.variance * days, 6)) for one in each)
