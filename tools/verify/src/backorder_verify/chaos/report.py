"""What came of a chaos run: the verdict, a table for people, `chaos.json` for programs."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from backorder_verify.chaos.told import Comparison, Told
from backorder_verify.check.runner import Verdict

_LOST = frozenset({"outbox empty", "lag 0", "every record handled", "order: nothing pending"})
_TWICE = frozenset({"order: shipped once", "one message an event", "stock: shipped by shipments"})
_OVERSOLD = frozenset({"grants within stock", "order: line quantities", "allocation: line quantities"})
_PARKED = frozenset({"nothing parked"})


@dataclass
class Outcome:
    """Everything a run has to tell."""

    seed: int
    plant: str | None
    kills: Counter[str]
    recoveries: list[float]
    waited_for: Counter[str]
    """What stood in the way of recovery → times it was found to, four times a second."""
    not_recovered: int
    told: Told
    comparison: Comparison
    verdict: Verdict
    events: Mapping[str, int]
    ends_by_themselves: Counter[str]
    seconds: float
    problems: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Lost, twice, oversold, parked, and what else is broken; all 0 in a correct system."""
        broken = {finding.invariant.name: finding.count for finding in self.verdict.findings if not finding.holds}

        def among(names: frozenset[str]) -> int:
            return sum(count for name, count in broken.items() if name in names)

        return {
            "lost": among(_LOST) + len(self.comparison.lost) + len(self.told.unanswered),
            "twice": among(_TWICE) + len(self.comparison.twice),
            "oversold": among(_OVERSOLD),
            "parked": among(_PARKED),
            "other invariants": sum(
                count for name, count in broken.items() if name not in _LOST | _TWICE | _OVERSOLD | _PARKED
            ),
            "wrong answers": len(self.told.wrong),
            "never recovered": self.not_recovered,
        }

    @property
    def holds(self) -> bool:
        """True where every promise was kept."""
        return self.verdict.holds and self.verdict.at_rest is not False and not any(self.counts.values())

    def as_data(self) -> dict[str, object]:
        """For `chaos.json`."""
        return {
            "holds": self.holds,
            "seed": self.seed,
            "plant": self.plant,
            "seconds": round(self.seconds, 1),
            "kills": dict(sorted(self.kills.items())),
            "kills_total": self.kills.total(),
            "orders": len(self.told.orders),
            "operations": dict(self.told.done),
            "refused": dict(self.told.refused),
            "resent_after_a_lost_answer": dict(self.told.resent),
            "events": dict(self.events),
            "recovery_seconds": self.recovery(),
            "recovery_waited_for": dict(self.waited_for.most_common()),
            "ended_by_themselves": dict(self.ends_by_themselves),
            "counts": self.counts,
            "wrong_answers": self.told.wrong[:20],
            "unanswered": self.told.unanswered[:20],
            "documents": self.comparison.first(),
            "check": self.verdict.as_data(),
        }

    def recovery(self) -> dict[str, float | int | None]:
        """Median and longest time to recover."""
        if not self.recoveries:
            return {"median": None, "max": None, "measured": 0}
        return {
            "median": round(statistics.median(self.recoveries), 1),
            "max": round(max(self.recoveries), 1),
            "measured": len(self.recoveries),
        }


def show(outcome: Outcome, console: Console) -> None:
    """Print the table."""
    table = Table(title=f"chaos, seed {outcome.seed}" + (f", planted: {outcome.plant}" if outcome.plant else ""))
    table.add_column("what")
    table.add_column("figure", justify="right")
    for kind, times in sorted(outcome.kills.items()):
        table.add_row(kind, f"{times}")
    table.add_row("kills in all", f"{outcome.kills.total()}", end_section=True)
    told = outcome.told
    table.add_row("orders told 201", f"{len(told.orders):,}")
    for name in ("amend", "cancel", "ship", "receive", "count", "adjust"):
        table.add_row(f"{name}: done", f"{told.done[name]:,}")
    table.add_row("refused, rightly (409, 412)", f"{told.refused.total():,}")
    table.add_row("orders sent again after a lost answer", f"{told.resent['place']:,}")
    table.add_row("other requests sent again", f"{told.resent.total() - told.resent['place']:,}")
    for topic, records in outcome.events.items():
        table.add_row(f"events in {topic}", f"{records:,}")
    table.add_row("processes that ended by themselves", f"{outcome.ends_by_themselves.total()}", end_section=True)
    recovery = outcome.recovery()
    table.add_row("recovery, median of " + str(recovery["measured"]), f"{recovery['median']} s")
    table.add_row("recovery, longest", f"{recovery['max']} s")
    table.add_row("the whole run", f"{outcome.seconds:.0f} s", end_section=True)
    for name, count in outcome.counts.items():
        table.add_row(name, f"{count:,}", style="red" if count else "green")
    table.add_row(
        "verdict", "holds" if outcome.holds else "BROKEN", style="bold green" if outcome.holds else "bold red"
    )
    console.print(table)
    console.print(f"invariants: {outcome.verdict.summary()}", highlight=False)
    for line in [*outcome.told.wrong[:10], *outcome.told.unanswered[:10], *outcome.comparison.first()]:
        console.print(f"  {line}", highlight=False, markup=False)
    for end, times in sorted(outcome.ends_by_themselves.items()):
        console.print(f"  ended by itself: {end} ({times} times)", highlight=False, markup=False)
