"""Recomputes stored decisions and compares the result with what was granted."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from allocation_service.domain.decisions.replaying import replay
from backorder_verify.recomputing.decision_stream import StoredDecision

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """A step of a decision whose stored inputs lead to other grants than were made.

    `recomputed` is the reason as text if the step cannot be recomputed at all.
    """

    decision_id: str
    step: int
    kind: str
    granted: dict[str, int]
    recomputed: dict[str, int] | str

    def lines(self) -> list[str]:
        """The lines that come out differently, as text."""
        granted, recomputed = self.granted, self.recomputed
        if isinstance(recomputed, str):
            return [recomputed]
        changed = sorted(
            line_id for line_id in {*granted, *recomputed} if granted.get(line_id) != recomputed.get(line_id)
        )
        return [f"{line_id}: {granted.get(line_id, 0)} then, {recomputed.get(line_id, 0)} now" for line_id in changed]


@dataclass(slots=True)
class Comparison:
    """How many decisions came out the same.

    `without_policy` counts decisions in which nothing follows from a policy (releases), `summarised` those whose
    inputs are no longer kept. Neither can be compared. `altered` counts those whose stored digest does not fit what
    is stored with it.
    """

    compared: int = 0
    identical: int = 0
    without_policy: int = 0
    summarised: int = 0
    lines: int = 0
    different: int = 0
    altered: int = 0
    first_altered: list[str] = field(default_factory=list)
    first_differences: list[Difference] = field(default_factory=list)
    seconds: float = 0.0
    first_id: str | None = None
    last_id: str | None = None

    @property
    def holds(self) -> bool:
        """Whether every decision that can be recomputed came out the same, and none was altered."""
        return not self.different and not self.altered

    def as_data(self) -> dict[str, Any]:
        """The comparison as JSON data."""
        return {
            "holds": self.holds,
            "compared": self.compared,
            "identical": self.identical,
            "different": self.different,
            "altered": self.altered,
            "first_altered": self.first_altered,
            "without_policy": self.without_policy,
            "summarised": self.summarised,
            "lines": self.lines,
            "first_decision": self.first_id,
            "last_decision": self.last_id,
            "seconds": round(self.seconds, 3),
            "decisions_per_second": round(self.compared / self.seconds, 1) if self.seconds else None,
            "first_differences": [
                {"decision_id": one.decision_id, "step": one.step, "kind": one.kind, "lines": one.lines()[:_SHOWN]}
                for one in self.first_differences
            ],
        }


async def compare(decisions: AsyncIterator[StoredDecision]) -> Comparison:
    """Recompute each decision and compare the units that every line gets."""
    found = Comparison()
    started = time.perf_counter()
    async for decision in decisions:
        found.first_id = found.first_id or decision.decision_id
        found.last_id = decision.decision_id
        if decision.summarised:
            found.summarised += 1
            continue
        if decision.altered:
            found.altered += 1
            found.first_altered += [decision.decision_id][: _SHOWN - len(found.first_altered)]
        follows_policy, differences = _recompute(decision)
        found.lines += sum(map(len, decision.lines))
        if not follows_policy:
            found.without_policy += 1
            continue
        found.compared += 1
        found.identical += not differences
        found.different += bool(differences)
        found.first_differences += differences[: _SHOWN - len(found.first_differences)]
    found.seconds = time.perf_counter() - started
    return found


def _recompute(decision: StoredDecision) -> tuple[bool, list[Difference]]:
    """Whether any step follows from a policy, and the steps that come out differently."""
    follows_policy, differences = False, []
    for number, step in enumerate(decision.steps):
        own = decision.lines[number] if number < len(decision.lines) else []
        granted = decision.granted[number] if number < len(decision.granted) else {}
        recomputed: dict[str, int] | str | None
        try:
            recomputed = replay(step, own, decision.decided_at)
        except Exception as error:
            # Whatever is wrong with the stored step, it is a finding and no reason to stop.
            recomputed = f"cannot be recomputed: {type(error).__name__}: {error}"
        if recomputed is None:
            continue
        follows_policy = True
        if recomputed != granted:
            differences.append(Difference(decision.decision_id, number, str(step.get("kind")), granted, recomputed))
    return follows_policy, differences
