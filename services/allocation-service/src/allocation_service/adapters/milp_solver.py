"""Choosing orders that ship complete by mixed-integer programming (HiGHS, through scipy)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from allocation_service.domain.allocating.ship_complete import SolverChoice

GAP = 0.01
"""The answer's value is at least 99 % of the greatest there is."""

SECONDS = 5.0
"""How long to look for it; the best one found by then counts, proven or not."""


def solve(selection: SolverChoice) -> Sequence[int] | str:
    """How often to choose each column, or in words why there is no answer.

    The same selection gives the same answer, unless the time runs out: what was chosen is stored with the
    decision, which is computed again from that and not by solving again.
    """
    columns, rows = selection
    if not columns:
        return ()
    values = np.array([column.value for column in columns], dtype=float)
    most = np.array([column.most for column in columns], dtype=float)
    scale = float(values.max(initial=0.0)) or 1.0
    found = milp(
        -values / scale,
        integrality=np.array([1 if column.whole else 0 for column in columns]),
        bounds=Bounds(0, most),
        constraints=_constraint(selection) if rows else (),
        options={"mip_rel_gap": GAP, "time_limit": SECONDS},
    )
    if found.x is None:
        return f"the solver found no answer: {found.message}"
    # What can be had in parts is a real number to the solver; the units of it that are whole always fit.
    return [round(units) if column.whole else int(units + 1e-6) for units, column in zip(found.x, columns, strict=True)]


def _constraint(selection: SolverChoice) -> LinearConstraint:
    entries = [(number, n, each) for number, row in enumerate(selection.rows) for n, each in row.uses]
    shape = (len(selection.rows), len(selection.columns))
    matrix = csr_array(
        (
            np.array([each for _, _, each in entries], dtype=float),
            (
                np.array([number for number, _, _ in entries], dtype=np.int64),
                np.array([n for _, n, _ in entries], dtype=np.int64),
            ),
        ),
        shape=shape,
    )
    return LinearConstraint(matrix, -np.inf, np.array([row.capacity for row in selection.rows], dtype=float))
