"""Confidence intervals over seeds: each seed is one independent pair of histories on the same world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

LEVEL = 0.95
_RESAMPLES = 4_000


class Interval(NamedTuple):
    """A mean over seeds and its two-sided 95 % confidence interval."""

    value: float
    low: float
    high: float


def mean_interval(values: Sequence[float]) -> Interval:
    """Student's t interval of the mean; with one seed there is none, and both ends are the value.

    Figures that compare policies are differences or ratios within a seed before they come here (paired),
    so that what the worlds have in common does not widen the interval.
    """
    found = np.asarray(values, dtype=float)
    mean = float(found.mean())
    if len(found) < 2:
        return Interval(mean, mean, mean)
    half = float(student.ppf((1 + LEVEL) / 2, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found)))
    return Interval(mean, mean - half, mean + half)


def ratio_interval(parts: Sequence[float], wholes: Sequence[float]) -> Interval:
    """The ratio of the totals over seeds, with a paired percentile bootstrap over seeds.

    A mean of each seed's ratio would let worlds in which hardly anything went wrong speak loudest. The
    resampling is seeded: the same figures give the same interval.
    """
    above, below = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)
    value = _ratio(above.sum(), below.sum())
    if len(above) < 2:
        return Interval(value, value, value)
    drawn = np.random.default_rng(0).integers(len(above), size=(_RESAMPLES, len(above)))
    ratios = [_ratio(part, whole) for part, whole in zip(above[drawn].sum(1), below[drawn].sum(1), strict=True)]
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
