"""Stored decisions can be explained: each follows from the inputs that were stored with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from backorder_verify.check.snapshot import SystemSnapshot
from backorder_verify.check.system_invariant import SystemInvariant
from backorder_verify.recomputing.comparison import compare
from backorder_verify.recomputing.decision_stream import DecisionRange, stored_decisions
from service_kit.persistence.invariant import Violation

_SAMPLE = 500
"""The newest so many; `backorder replay-decisions` recomputes all of them."""


async def _differing(snapshot: SystemSnapshot) -> AsyncIterator[Violation]:
    def rows(query: str, *values: Any) -> AsyncIterator[Any]:
        return snapshot.rows("allocation", query, *values)

    found = await compare(stored_decisions(rows, DecisionRange(limit=_SAMPLE, newest=True)))
    for one in found.first_differences:
        yield {"decision_id": one.decision_id, "step": one.step, "kind": one.kind, "lines": "; ".join(one.lines()[:3])}


DECISION_INVARIANTS = (
    SystemInvariant(
        "allocation: decisions follow",
        f"The newest {_SAMPLE} decisions, recomputed from their stored inputs, give every line the same units;"
        " otherwise nobody can explain to a customer why others were served first.",
        _differing,
    ),
)
