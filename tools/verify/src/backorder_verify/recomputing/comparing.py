"""Whether stored decisions come out the same when they are computed again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from allocation_service.domain.decisions.replaying import replay
from backorder_verify.recomputing.stream import StoredDecision

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """A step whose inputs lead to something else than was done; ``again`` says why where they lead nowhere."""

    decision_id: str
    step: int
    kind: str
    made: dict[str, int]
    again: dict[str, int] | str

    def lines(self) -> list[str]:
        """The lines that come out differently, as text."""
        if isinstance(self.again, str):
            return [self.again]
        changed = sorted(
            line_id for line_id in {*self.made, *self.again} if self.made.get(line_id) != self.again.get(line_id)
        )
        return [f"{line_id}: {self.made.get(line_id, 0)} then, {self.again.get(line_id, 0)} now" for line_id in changed]


@dataclass(slots=True)
class Comparison:
    """How many decisions came out the same. ``without_policy``: nothing in them follows from a policy
    (releases); ``summarised``: their inputs are no longer kept."""

    compared: int = 0
    identical: int = 0
    without_policy: int = 0
    summarised: int = 0
    lines: int = 0
    different: int = 0
    first_differences: list[Difference] = field(default_factory=list)
    seconds: float = 0.0
    first_id: str | None = None
    last_id: str | None = None

    @property
    def holds(self) -> bool:
        """Every decision that can be computed again came out the same."""
        return not self.different

    def as_data(self) -> dict[str, Any]:
        """The comparison for JSON."""
        return {
            "holds": self.holds,
            "compared": self.compared,
            "identical": self.identical,
            "different": self.different,
            "without_policy": self.without_policy,
            "summarised": self.summarised,
            "lines": self.lines,
            "first_decision": self.first_id,
            "last_decision": self.last_id,
            "seconds": round(self.seconds, 3),
            "decisions_per_second": round(self.compared / self.seconds, 1) if self.seconds else None,
            "first_differences": [
                {"decision_id": one.decision_id, "step": one.step, "kind": one.kind, "lines": one.lines()[:SHOWN]}
                for one in self.first_differences
            ],
        }


async def compare(decisions: AsyncIterator[StoredDecision]) -> Comparison:
    """Compute each decision again and compare what every line gets."""
    found = Comparison()
    started = time.perf_counter()
    async for decision in decisions:
        found.first_id = found.first_id or decision.decision_id
        found.last_id = decision.decision_id
        if decision.summarised:
            found.summarised += 1
            continue
        asked, differences = _again(decision)
        found.lines += sum(map(len, decision.lines))
        if not asked:
            found.without_policy += 1
            continue
        found.compared += 1
        found.identical += not differences
        found.different += bool(differences)
        found.first_differences += differences[: SHOWN - len(found.first_differences)]
    found.seconds = time.perf_counter() - started
    return found


def _again(decision: StoredDecision) -> tuple[bool, list[Difference]]:
    """Whether any step can be computed again, and the steps that come out differently."""
    asked, differences = False, []
    for number, step in enumerate(decision.steps):
        own = decision.lines[number] if number < len(decision.lines) else []
        made = decision.granted[number] if number < len(decision.granted) else {}
        again: dict[str, int] | str | None
        try:
            again = replay(step, own, decision.decided_at)
        except Exception as error:
            # Whatever is wrong with what is stored, it is a finding and no reason to stop.
            again = f"cannot be computed again: {type(error).__name__}: {error}"
        if again is None:
            continue
        asked = True
        if again != made:
            differences.append(Difference(decision.decision_id, number, str(step.get("kind")), made, again))
    return asked, differences
