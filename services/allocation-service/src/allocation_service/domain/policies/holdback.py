"""How many units to keep for better tiers that have not ordered yet."""

from __future__ import annotations

import math

from allocation_service.domain.policies.policy import Forecast, Policy

_SPREADS = 10
"""What lies that many standard deviations below the mean has a probability below 1e-20: it is left out."""


def thresholds(policy: Policy, forecast: Forecast | None) -> tuple[int, ...]:
    """K by tier rank: a tier is served only from stock above its K. Empty where nothing is held back.

    K_c = min{k : P(demand of better tiers before the next receipt > k) ≤ w_c / w_(c−1)}: a unit is kept
    while the chance that a better tier asks for it is worth more than serving c now. No tier may reach
    deeper than a better one.
    """
    holdback = policy.holdback
    if holdback is None or not holdback.enabled or not forecast:
        return ()
    levels = [0]
    mean = variance = 0.0
    for tier_rank in range(1, len(policy.tiers)):
        if tier_rank <= len(forecast):
            mean += forecast[tier_rank - 1].mean
            variance += forecast[tier_rank - 1].variance
        ratio = policy.tiers[tier_rank].weight / policy.tiers[tier_rank - 1].weight
        level = max(levels[-1], protection_level(mean, variance, ratio))
        levels.append(level if holdback.max_units is None else min(level, holdback.max_units))
    return tuple(levels) if levels[-1] else ()


def protection_level(mean: float, variance: float, ratio: float) -> int:
    """min{k : P(D > k) ≤ ratio}: units to keep of what a demand D may ask for (Littlewood, 1972).

    D is negative binomial with this mean and variance; Poisson where the variance is not above the mean.
    ``ratio``: what a unit is worth to who waits now over what it is worth to who may come, 0 to 1.
    """
    if mean <= 0 or ratio >= 1:
        return 0
    ratio = max(ratio, 1e-9)
    level = max(0, math.floor(mean - _SPREADS * math.sqrt(max(mean, variance))))
    chance = _probability(level, mean, variance)
    reached = chance
    most = math.ceil(mean + 4 * _SPREADS * math.sqrt(max(mean, variance))) + 4 * _SPREADS
    while 1 - reached > ratio and level < most:
        level += 1
        chance *= _growth(level, mean, variance)
        reached += chance
    return level


def _probability(units: int, mean: float, variance: float) -> float:
    """P(D = units), by logarithms: P(D = 0) alone would vanish where the mean is in the hundreds."""
    if variance <= mean:
        return math.exp(units * math.log(mean) - mean - math.lgamma(units + 1))
    success = mean / variance
    size = mean * success / (1 - success)
    ways = math.lgamma(units + size) - math.lgamma(size) - math.lgamma(units + 1)
    return math.exp(ways + size * math.log(success) + units * math.log1p(-success))


def _growth(units: int, mean: float, variance: float) -> float:
    """P(D = units) over P(D = units − 1)."""
    if variance <= mean:
        return mean / units
    success = mean / variance
    size = mean * success / (1 - success)
    return (size + units - 1) / units * (1 - success)
