"""How often loans were not repaid in time, with what can be said of it from so many."""

from __future__ import annotations

import math
from typing import NamedTuple

Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""


class Rate(NamedTuple):
    """A share with its 95 % interval; all None without a single observation."""

    share: float | None
    low: float | None
    high: float | None


def breach_rate(breached: int, settled: int) -> Rate:
    """Breached loans among those settled (repaid in time or breached), with the score interval of Wilson (1927), which
    holds for a handful of loans and for shares near 0, too."""
    if not settled:
        return Rate(None, None, None)
    share, squared = breached / settled, Z_95 * Z_95
    centre = share + squared / (2 * settled)
    spread = Z_95 * math.sqrt(share * (1 - share) / settled + squared / (4 * settled * settled))
    scale = 1 + squared / settled
    return Rate(share, max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))
