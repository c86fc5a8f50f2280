"""Demand expected of each tier before the next receipt, from the SKU's own recent history."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from allocation_service.simulation.setting import TIERS
from allocation_service.simulation.streams import StreamLine

HISTORY_DAYS = 56.0
_FEW_DAYS = 14.0


def expected(lines: Sequence[StreamLine], placed: int, now: float, horizon: float) -> list[tuple[float, float]]:
    """(mean, variance) of the units that each tier orders within ``horizon`` days, the best tier first.

    The SKU's rate over the last eight weeks, divided among the tiers by their share of all customers:
    the best tiers order a single SKU too rarely for a rate of their own. Variance over mean is that of a
    compound Poisson process, the mean of the squares of the quantities over their mean.
    """
    since = max(0.0, now - HISTORY_DAYS)
    first = bisect_left(lines, since, hi=placed, key=lambda line: line.placed)
    sizes = [line.quantity for line in lines[first:placed]]
    if not sizes:
        return [(0.0, 0.0)] * len(TIERS)
    units = sum(sizes)
    rate = units / max(_FEW_DAYS, now - since)
    dispersion = sum(size * size for size in sizes) / units
    means = [rate * tier.share * horizon for tier in TIERS]
    return [(mean, mean * dispersion) for mean in means]
