"""Stored decisions can be explained: each follows from the inputs that were stored with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from backorder_verify.check.snapshot import SystemSnapshot
from backorder_verify.check.system_invariant import SystemInvariant
from backorder_verify.recomputing.comparison import compare
from backorder_verify.recomputing.decision_stream import DecisionRange, StoredDecision, stored_decisions
from service_kit.persistence.invariant import Violation

_SAMPLE = 500
"""The newest so many; `backorder replay-decisions` recomputes all of them."""


def _newest(snapshot: SystemSnapshot) -> AsyncIterator[StoredDecision]:
    def rows(query: str, *values: Any) -> AsyncIterator[Any]:
        return snapshot.rows("allocation", query, *values)

    return stored_decisions(rows, DecisionRange(limit=_SAMPLE, newest=True))


async def _altered(snapshot: SystemSnapshot) -> AsyncIterator[Violation]:
    async for decision in _newest(snapshot):
        if decision.altered:
            yield {"decision_id": decision.decision_id, "digest": decision.digest}


async def _differing(snapshot: SystemSnapshot) -> AsyncIterator[Violation]:
    found = await compare(_newest(snapshot))
    for one in found.first_differences:
        yield {"decision_id": one.decision_id, "step": one.step, "kind": one.kind, "lines": "; ".join(one.lines()[:3])}


DECISION_INVARIANTS = (
    SystemInvariant(
        "allocation: decisions follow",
        f"The newest {_SAMPLE} decisions, recomputed from their stored inputs, give every line the same units;"
        " otherwise nobody can explain to a customer why others were served first.",
        _differing,
    ),
    SystemInvariant(
        "allocation: decisions unaltered",
        f"The newest {_SAMPLE} decisions fit the digests that were stored with them; otherwise somebody changed after"
        " the fact why a customer was served, and the explanation is worth nothing.",
        _altered,
    ),
)
