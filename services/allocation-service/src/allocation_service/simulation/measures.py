"""What a policy did in one world: cost, waiting, losses and how evenly they fell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from allocation_service.simulation.costs import served_cost, unserved_cost
from allocation_service.simulation.running import History
from allocation_service.simulation.setting import TIERS
from allocation_service.simulation.streams import StreamLine


class Measures(NamedTuple):
    """Shares are of units asked for; waits are days of the units that were served, from order to grant.

    ``fill`` and ``lost`` by tier, best first: served, and cancelled while waiting. ``tardiness``:
    days late of a unit, by weight. ``worst_decile``: mean share served of the tenth of the customers who
    got least. ``jain``: Jain's index of the customers' shares served, 1 where all got the same share.
    """

    cost: float
    fill: tuple[float, ...]
    lost: tuple[float, ...]
    cancelled: float
    wait_mean: float
    wait_p95: float
    tardiness: float
    worst_decile: float
    jain: float


def measure(histories: Iterable[tuple[Sequence[StreamLine], History]], days: float) -> Measures:
    """The measures over all SKUs of a world."""
    tally = _Tally(days)
    for lines, history in histories:
        tally.add(lines, history)
    return tally.measures()


class _Tally:
    def __init__(self, days: float) -> None:
        self._days = days
        self._cost = self._late = self._weight = 0.0
        self._asked, self._given, self._lost = [0] * len(TIERS), [0] * len(TIERS), [0] * len(TIERS)
        self._waits: list[tuple[float, int]] = []
        self._customers: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, lines: Sequence[StreamLine], history: History) -> None:
        left = [line.quantity for line in lines]
        for number, units, at in history.served:
            line = lines[number]
            left[number] -= units
            cost = served_cost(line, at) * units
            self._cost += cost
            self._late += cost
            self._given[line.tier] += units
            self._waits.append((at - line.placed, units))
            self._customers[line.customer][0] += units
        for line, units in zip(lines, left, strict=True):
            self._asked[line.tier] += line.quantity
            self._weight += TIERS[line.tier].weight * line.quantity
            self._customers[line.customer][1] += line.quantity
            self._cost += unserved_cost(line, self._days) * units
            self._late += units * TIERS[line.tier].weight * max(0.0, min(line.leaves, self._days) - line.due)
            if line.leaves < self._days:
                self._lost[line.tier] += units

    def measures(self) -> Measures:
        waits = np.array(sorted(self._waits)) if self._waits else np.zeros((1, 2))
        reached = np.cumsum(waits[:, 1])
        p95 = waits[np.searchsorted(reached, 0.95 * reached[-1]), 0]
        shares = np.sort([given / asked for given, asked in self._customers.values()])
        worst = shares[: max(1, len(shares) // 10)]
        squares = float(np.sum(shares**2))
        return Measures(
            cost=self._cost,
            fill=_shares(self._given, self._asked),
            lost=_shares(self._lost, self._asked),
            cancelled=sum(self._lost) / max(1, sum(self._asked)),
            wait_mean=float(waits[:, 0] @ waits[:, 1] / max(1.0, reached[-1])),
            wait_p95=float(p95),
            tardiness=self._late / max(1.0, self._weight),
            worst_decile=float(np.mean(worst)),
            jain=float(np.sum(shares)) ** 2 / (len(shares) * squares) if squares else 0.0,
        )


def _shares(parts: list[int], wholes: list[int]) -> tuple[float, ...]:
    return tuple(part / whole if whole else 0.0 for part, whole in zip(parts, wholes, strict=True))
