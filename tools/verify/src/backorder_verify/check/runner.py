"""Running all invariants and saying what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console

from backorder_local.running import RunningSystem
from backorder_verify.check.catalogue import INVARIANTS
from backorder_verify.check.invariant import Invariant, Offender, Reading
from backorder_verify.check.rest import until_at_rest

SHOWN_OFFENDERS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """What checking one invariant found; `offenders` are the first of `count`."""

    invariant: Invariant
    count: int
    offenders: tuple[Offender, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        """True where nothing breaks the invariant."""
        return self.count == 0

    def as_data(self) -> dict[str, object]:
        """The finding for JSON."""
        return {
            "name": self.invariant.name,
            "statement": self.invariant.statement,
            "holds": self.holds,
            "offending": self.count,
            "first_offenders": [
                {name: _plain(value) for name, value in offender.items()} for offender in self.offenders
            ],
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings; `at_rest` is None where rest was not waited for."""

    findings: tuple[Finding, ...]
    at_rest: bool | None

    @property
    def holds(self) -> bool:
        """True where every invariant holds."""
        return all(finding.holds for finding in self.findings)

    def summary(self) -> str:
        """The verdict in a few words."""
        broken = [finding.invariant.name for finding in self.findings if not finding.holds]
        if not broken:
            return f"all {len(self.findings)} hold"
        return f"{len(broken)} of {len(self.findings)} broken: {', '.join(broken)}"

    def as_data(self) -> dict[str, object]:
        """The verdict for JSON."""
        return {
            "holds": self.holds,
            "summary": self.summary(),
            "at_rest": self.at_rest,
            "invariants": [finding.as_data() for finding in self.findings],
        }


async def check_system(
    system: RunningSystem,
    console: Console | None = None,
    *,
    wait: bool = True,
    within: float = 60.0,
    topic_prefix: str = "",
    inbox_horizon: datetime | None = None,
    invariants: Sequence[Invariant] = INVARIANTS,
) -> Verdict:
    """Check every invariant; with a console, print each with its verdict and its first offending rows."""
    at_rest = await until_at_rest(system, within=within, topic_prefix=topic_prefix) if wait else None
    if at_rest is False and console is not None:
        console.print(f"The system did not come to rest within {within:.0f} s; checking it as it is.")
    findings: list[Finding] = []
    async with Reading(system, topic_prefix=topic_prefix, inbox_horizon=inbox_horizon) as reading:
        for invariant in invariants:
            finding = await _check_one(invariant, reading)
            findings.append(finding)
            if console is not None:
                _print(console, finding)
    return Verdict(tuple(findings), at_rest)


async def _check_one(invariant: Invariant, reading: Reading) -> Finding:
    started = time.monotonic()
    first: list[Offender] = []
    count = 0
    async for offender in invariant.check(reading):
        count += 1
        if len(first) < SHOWN_OFFENDERS:
            first.append(offender)
    return Finding(invariant, count, tuple(first), time.monotonic() - started)


def _print(console: Console, finding: Finding) -> None:
    said = "[green]holds[/green]" if finding.holds else f"[red]BROKEN[/red] by {finding.count:,}"
    console.print(f"{finding.invariant.name:34} {said}", highlight=False)
    if finding.holds:
        return
    console.print(f"    {finding.invariant.statement}", style="dim", highlight=False, markup=False)
    for offender in finding.offenders:
        shown = ", ".join(f"{name}={_plain(value)}" for name, value in offender.items())
        console.print(f"    {shown}", highlight=False, markup=False)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
