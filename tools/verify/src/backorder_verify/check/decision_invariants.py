"""What must hold of decisions: they follow from what was stored with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from backorder_verify.check.invariant import Invariant, Offender, Reading
from backorder_verify.recomputing.comparing import compare
from backorder_verify.recomputing.stream import Range, stored_decisions

_SAMPLE = 500
"""The newest; `backorder replay-decisions` computes all of them again."""


async def _differing(reading: Reading) -> AsyncIterator[Offender]:
    def rows(query: str, *values: Any) -> AsyncIterator[Any]:
        return reading.rows("allocation", query, *values)

    found = await compare(stored_decisions(rows, Range(limit=_SAMPLE, newest=True)))
    for one in found.first_differences:
        yield {"decision_id": one.decision_id, "step": one.step, "kind": one.kind, "lines": "; ".join(one.lines()[:3])}


DECISION_INVARIANTS = (
    Invariant(
        "allocation: decisions follow",
        f"the newest {_SAMPLE} decisions, computed again from their stored inputs, give every line the same",
        _differing,
    ),
)
