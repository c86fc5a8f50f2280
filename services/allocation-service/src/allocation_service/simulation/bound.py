"""The clairvoyant bound: what it would have cost at least, had one known all orders, patience and deliveries.

A transport problem for each SKU, solved by HiGHS. Every history of any policy on the same supply is a
feasible flow of the same cost, so no policy can be below the optimum.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from allocation_service.simulation.costs import served_cost, unserved_cost
from allocation_service.simulation.running import History
from allocation_service.simulation.streams import StreamLine


def clairvoyant_cost(lines: Sequence[StreamLine], supply: History, days: float) -> float:
    """The least cost of serving the lines from the supply, all of it known beforehand.

    Epochs begin with each delivery; stock is carried from epoch to epoch. A line can be served when it
    is placed, or at the beginning of a later epoch before its customer leaves. Raises RuntimeError
    where the solver gives up.
    """
    arriving = sorted((one.at, one.units) for one in supply.deliveries if one.at < days)
    starts = [0.0, *(at for at, _ in arriving)]
    units = [supply.opening, *(count for _, count in arriving)]
    unserved = [unserved_cost(line, days) for line in lines]
    total = sum(line.quantity * cost for line, cost in zip(lines, unserved, strict=True))
    costs: list[float] = []
    rows: list[int] = []
    columns: list[int] = []
    signs: list[float] = []
    for number, line in enumerate(lines):
        first = bisect_right(starts, line.placed) - 1
        for epoch in range(first, len(starts)):
            at = max(starts[epoch], line.placed)
            if at >= line.leaves:
                break
            saved = unserved[number] - served_cost(line, at)
            if saved <= 0:
                continue
            rows += [epoch, len(starts) + number]
            columns += [len(costs)] * 2
            signs += [1.0, 1.0]
            costs.append(-saved)
    arcs = len(costs)
    for epoch in range(len(starts) - 1):  # what is carried on
        rows += [epoch, epoch + 1]
        columns += [arcs + epoch] * 2
        signs += [1.0, -1.0]
    costs += [0.0] * (len(starts) - 1)
    shape = (len(starts) + len(lines), len(costs))
    limits = np.array([*units, *(line.quantity for line in lines)], dtype=float)
    if not costs:
        return total
    solved = linprog(costs, A_ub=csr_array((signs, (rows, columns)), shape=shape), b_ub=limits, method="highs")
    if not solved.success:
        raise RuntimeError(f"the bound could not be computed: {solved.message}")
    return total + float(solved.fun)
