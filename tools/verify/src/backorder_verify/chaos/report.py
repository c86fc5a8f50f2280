"""The outcome of a chaos run: the verdict, a table for people, `chaos.json` for programs."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from backorder_verify.chaos.client_record import ClientRecord
from backorder_verify.chaos.discrepancies import Discrepancies
from backorder_verify.check.runner import Verdict

CATEGORIES: Mapping[str, frozenset[str]] = {
    "lost": frozenset({"outbox empty", "lag 0", "every record handled", "order: nothing pending"}),
    "twice": frozenset({"order: shipped once", "one message an event", "stock: shipped by shipments"}),
    "oversold": frozenset(
        {
            "grants within stock",
            "allocation: granted within supply",
            "order: line quantities",
            "allocation: line quantities",
        }
    ),
    "parked": frozenset({"nothing parked"}),
}
"""What a broken invariant means for customers → names of the invariants. All others count as `other invariants`."""


@dataclass
class Outcome:
    """Everything that a run has found."""

    seed: int
    plant: str | None
    kills: Counter[str]
    recoveries: list[float]
    waited_for: Counter[str]
    """Obstacle to recovery → how often it was found, at four looks per second."""
    not_recovered: int
    record: ClientRecord
    discrepancies: Discrepancies
    verdict: Verdict
    events: Mapping[str, int]
    unexpected_exits: Counter[str]
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """Findings by what went wrong: lost, done twice, oversold, parked and so on. All are 0 in a correct system."""
        broken = {finding.invariant.name: finding.count for finding in self.verdict.findings if not finding.holds}

        counts = {
            category: sum(count for name, count in broken.items() if name in names)
            for category, names in CATEGORIES.items()
        }
        other = sum(broken.values()) - sum(counts.values())
        counts["lost"] += len(self.discrepancies.lost) + len(self.record.unanswered)
        counts["twice"] += len(self.discrepancies.twice)
        return {
            **counts,
            "other invariants": other,
            "wrong answers": len(self.record.wrong),
            "never recovered": self.not_recovered,
        }

    @property
    def holds(self) -> bool:
        """Whether every invariant holds and nothing else was found."""
        return self.verdict.holds and self.verdict.at_rest is not False and not any(self.counts.values())

    def as_data(self) -> dict[str, object]:
        """The outcome as data for `chaos.json`."""
        return {
            "holds": self.holds,
            "seed": self.seed,
            "plant": self.plant,
            "seconds": round(self.seconds, 1),
            "kills": dict(sorted(self.kills.items())),
            "kills_total": self.kills.total(),
            "orders": len(self.record.orders),
            "operations": dict(self.record.done),
            "money": {
                "payments taken or held": len(self.record.provider_books),
                "attempts seen to succeed": len(self.record.attempts),
                "methods replaced": len(self.record.methods),
                "payments given something back": len(self.record.given_back),
                "replies to offers": len(self.record.replies),
            },
            "refused": dict(self.record.refused),
            "resent_after_a_lost_answer": dict(self.record.resent),
            "events": dict(self.events),
            "webhooks_accepted": self.record.webhooks.total(),
            "recovery_seconds": self.recovery(),
            "recovery_waited_for": dict(self.waited_for.most_common()),
            "ended_by_themselves": dict(self.unexpected_exits),
            "counts": self.counts,
            "wrong_answers": self.record.wrong[:20],
            "unanswered": self.record.unanswered[:20],
            "documents": self.discrepancies.first(),
            "check": self.verdict.as_data(),
        }

    def recovery(self) -> dict[str, float | int | None]:
        """Median and longest time to recover, in seconds."""
        if not self.recoveries:
            return {"median": None, "max": None, "measured": 0}
        return {
            "median": round(statistics.median(self.recoveries), 1),
            "max": round(max(self.recoveries), 1),
            "measured": len(self.recoveries),
        }


def show(outcome: Outcome, console: Console) -> None:
    """Print the outcome as a table, with the first findings below it."""
    table = Table(title=f"chaos, seed {outcome.seed}" + (f", planted: {outcome.plant}" if outcome.plant else ""))
    table.add_column("what")
    table.add_column("figure", justify="right")
    for kind, times in sorted(outcome.kills.items()):
        table.add_row(kind, f"{times}")
    table.add_row("kills, total", f"{outcome.kills.total()}", end_section=True)
    record = outcome.record
    table.add_row("orders acknowledged with 201", f"{len(record.orders):,}")
    for name in (
        "amend", "cancel", "ship", "receive", "count", "adjust", "purchase", "slip", "deliver", "policy", "run",
        "look", "method", "give back", "reply",
    ):  # fmt: skip
        table.add_row(f"{name}: done", f"{record.done[name]:,}")
    table.add_row("webhooks accepted by the subscriber", f"{record.webhooks.total():,}")
    table.add_row("refused for good reason (409, 412)", f"{record.refused.total():,}")
    table.add_row("orders sent again after a lost response", f"{record.resent['place']:,}")
    table.add_row("other requests sent again", f"{record.resent.total() - record.resent['place']:,}")
    for topic, records in outcome.events.items():
        table.add_row(f"events in {topic}", f"{records:,}")
    table.add_row("processes that ended unexpectedly", f"{outcome.unexpected_exits.total()}", end_section=True)
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
    for line in [*outcome.record.wrong[:10], *outcome.record.unanswered[:10], *outcome.discrepancies.first()]:
        console.print(f"  {line}", highlight=False, markup=False)
    for end, times in sorted(outcome.unexpected_exits.items()):
        console.print(f"  ended unexpectedly: {end} ({times} times)", highlight=False, markup=False)
