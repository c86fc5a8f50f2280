"""Quantiles that hold for the next one, of observations some of which are still missing.

The level is that of split conformal prediction: of n observations that cannot be told from the next one, the
ceil((n+1)(1-alpha))-th smallest bounds it with a probability of at least 1 - alpha, whatever the distribution (Vovk,
Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). A delivery that is still missing is censored: it
says only that it takes longer. Leaving such out flatters, so the distribution is the product-limit estimate (Kaplan and
Meier, Nonparametric Estimation from Incomplete Observations, JASA 1958).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_EPSILON = 1e-9


class Duration(NamedTuple):
    """How long something took or, ``censored``, that it took longer; infinite where it never ended."""

    length: float
    censored: bool = False


def conformal_level(observations: int, alpha: float) -> float:
    """ceil((n+1)(1-alpha))/n; above 1 where so few observations cannot show it."""
    return math.ceil((observations + 1) * (1 - alpha) - _EPSILON) / observations


def survival_quantile(durations: Sequence[Duration], level: float) -> float | None:
    """The first length by which a share ``level`` has ended by the product-limit estimate.

    Where the observations do not reach that level, the longest that was seen; None where nothing ever ended or was
    seen for a finite time.
    """
    alive, at_risk = 1.0, len(durations)
    for length, (ended, lost) in sorted(_counted(durations).items()):
        if not math.isfinite(length):
            break
        if ended:
            alive *= 1 - ended / at_risk
            if 1 - alive >= min(level, 1.0) - _EPSILON:
                return length
        at_risk -= ended + lost
    return max((one.length for one in durations if math.isfinite(one.length)), default=None)


def _counted(durations: Sequence[Duration]) -> dict[float, tuple[int, int]]:
    """By length: how many ended, and how many were lost sight of."""
    found: dict[float, tuple[int, int]] = {}
    for length, censored in durations:
        ended, lost = found.get(length, (0, 0))
        found[length] = (ended + (not censored), lost + censored)
    return found


def conformal_quantile(durations: Sequence[Duration], alpha: float) -> float | None:
    """What the next one does not exceed with a probability of 1 - ``alpha``; None without any observation."""
    if not durations:
        return None
    return survival_quantile(durations, conformal_level(len(durations), alpha))


def lower_quantile(values: Sequence[float], alpha: float) -> float:
    """What the next one does not fall short of with a probability of 1 - ``alpha``: the floor((n+1)alpha)-th smallest,
    the smallest where that is none. Raises ValueError without values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(1, math.floor((len(ordered) + 1) * alpha + _EPSILON)) - 1]
