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


def breach_rate(breached: int, loans: int) -> Rate:
    """The share of breached ``loans``, with the score interval of Wilson (1927), which holds for a handful of loans and
    for shares near 0, too. ``loans`` counts those repaid in time and those breached."""
    if not loans:
        return Rate(None, None, None)
    share, squared = breached / loans, Z_95 * Z_95
    centre = share + squared / (2 * loans)
    spread = Z_95 * math.sqrt(share * (1 - share) / loans + squared / (4 * loans * loans))
    scale = 1 + squared / loans
    return Rate(share, max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))
