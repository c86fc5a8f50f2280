"""Order lines as the benchmark feeds them: generated from a seed, or made of the lines of real orders."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from allocation_service.simulation.setting import TIERS, Size

_LINES_A_DAY = 2.0
_LOG_MEDIAN_UNITS, _LOG_SPREAD_UNITS = math.log(2.0), 0.8
_CUSTOMERS_A_SKU = 40
_BUSY_SPREAD = 0.35  # coefficient of variation of a week's rate: demand is burstier than Poisson


class StreamLine(NamedTuple):
    """One order line; times in days since the start.

    ``leaves``: when the customer's patience ends and what still waits is cancelled.
    """

    line_id: str
    order_id: str
    sku: str
    quantity: int
    placed: float
    tier: int
    customer: str
    due: float
    leaves: float


class Sold(NamedTuple):
    """A line of a real order, ``at`` in days since the first order."""

    order: str
    sku: str
    quantity: int
    at: float
    customer: str | None


class World(NamedTuple):
    """What one seed draws: the lines of each SKU by time, and the length in days."""

    seed: int
    days: float
    lines: dict[str, tuple[StreamLine, ...]]


def draw(seed: int, part: str) -> np.random.Generator:
    """A stream of random numbers of its own for each part of a world, so that no part disturbs another."""
    return np.random.default_rng([seed, *part.encode()])


def generated(seed: int, size: Size, *, patience_from_due: bool = True) -> World:
    """Compound Poisson demand with weekly changing rates: many small lines, customers who come back."""
    pick = draw(seed, "orders")
    people = size.skus * _CUSTOMERS_A_SKU
    popularity = 1.0 / (np.arange(people) + 8.0)
    popularity /= popularity.sum()
    sold: list[Sold] = []
    for number in range(size.skus):
        rate = _LINES_A_DAY * pick.lognormal(-0.125, 0.5)
        for week in range(math.ceil(size.days / 7)):
            length = min(7.0, size.days - 7.0 * week)
            busy = pick.gamma(1 / _BUSY_SPREAD**2, _BUSY_SPREAD**2)
            count = pick.poisson(rate * busy * length)
            times = 7.0 * week + length * pick.random(count)
            units = np.maximum(1, np.rint(pick.lognormal(_LOG_MEDIAN_UNITS, _LOG_SPREAD_UNITS, count)))
            buyers = pick.choice(people, size=count, p=popularity)
            for at, quantity, buyer in zip(times, units, buyers, strict=True):
                sold.append(Sold(f"o{len(sold)}", f"sku-{number:03d}", int(quantity), float(at), f"c{buyer}"))
    return world_of(sold, seed, float(size.days), patience_from_due=patience_from_due)


def busiest(sold: Iterable[Sold], skus: int, days: float) -> list[Sold]:
    """The lines of the SKUs that are ordered most often, within the first ``days``."""
    within = [one for one in sold if one.at < days]
    counts: defaultdict[str, int] = defaultdict(int)
    for one in within:
        counts[one.sku] += 1
    chosen = set(sorted(counts, key=lambda sku: (-counts[sku], sku))[:skus])
    return [one for one in within if one.sku in chosen]


def world_of(sold: Sequence[Sold], seed: int, days: float, *, patience_from_due: bool = True) -> World:
    """Lines with the seed's tiers (a customer's for good) and patience (each line's own)."""
    tiers = _tiers({one.customer or f"guest of {one.order}" for one in sold}, seed)
    pick = draw(seed, "patience")
    lines: defaultdict[str, list[StreamLine]] = defaultdict(list)
    for number, one in enumerate(sorted(sold, key=lambda row: (row.at, row.order))):
        customer = one.customer or f"guest of {one.order}"
        tier = tiers[customer]
        terms = TIERS[tier]
        due = one.at + terms.due_days
        leaves = (due if patience_from_due else one.at) + float(pick.exponential(terms.patience_days))
        line = StreamLine(f"l{number:06d}", one.order, one.sku, one.quantity, one.at, tier, customer, due, leaves)
        lines[one.sku].append(line)
    return World(seed, days, {sku: tuple(found) for sku, found in sorted(lines.items())})


def _tiers(customers: set[str], seed: int) -> dict[str, int]:
    pick = draw(seed, "tiers")
    names = sorted(customers)
    chosen = pick.choice(len(TIERS), size=len(names), p=[tier.share for tier in TIERS])
    return {name: int(tier) for name, tier in zip(names, chosen, strict=True)}
