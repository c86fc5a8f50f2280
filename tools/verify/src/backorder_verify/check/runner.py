"""Checks the invariants of a running system and reports what it found."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console

from backorder_local.running import RunningSystem
from backorder_verify.check.all_invariants import INVARIANTS
from backorder_verify.check.at_rest import until_at_rest
from backorder_verify.check.snapshot import SystemSnapshot
from backorder_verify.check.system_invariant import SystemInvariant
from service_kit.persistence.invariant import Violation

SHOWN_VIOLATIONS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of checking one invariant; `first_violations` are the first of `count`."""

    invariant: SystemInvariant
    count: int
    first_violations: tuple[Violation, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether nothing violates the invariant."""
        return self.count == 0

    def as_data(self) -> dict[str, object]:
        """The finding as JSON data."""
        return {
            "name": self.invariant.name,
            "statement": self.invariant.meaning,
            "holds": self.holds,
            "offending": self.count,
            "first_offenders": [
                {name: _plain(value) for name, value in violation.items()} for violation in self.first_violations
            ],
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings; `at_rest` is None if the check did not wait for the system to come to rest."""

    findings: tuple[Finding, ...]
    at_rest: bool | None

    @property
    def holds(self) -> bool:
        """Whether every invariant holds."""
        return all(finding.holds for finding in self.findings)

    def summary(self) -> str:
        """The verdict in one line."""
        broken = [finding.invariant.name for finding in self.findings if not finding.holds]
        if not broken:
            return f"all {len(self.findings)} hold"
        return f"{len(broken)} of {len(self.findings)} broken: {', '.join(broken)}"

    def as_data(self) -> dict[str, object]:
        """The verdict as JSON data."""
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
    invariants: Sequence[SystemInvariant] = INVARIANTS,
) -> Verdict:
    """Check every invariant; with a console, print each one's result and the first rows that violate it.

    Waits up to `within` seconds for the system to come to rest, unless `wait` is false.
    """
    at_rest = await until_at_rest(system, within=within, topic_prefix=topic_prefix) if wait else None
    if at_rest is False and console is not None:
        console.print(f"The system did not come to rest within {within:.0f} s; it is checked as it is.")
    findings: list[Finding] = []
    async with SystemSnapshot(system, topic_prefix=topic_prefix, inbox_horizon=inbox_horizon) as snapshot:
        for invariant in invariants:
            finding = await _check_one(invariant, snapshot)
            findings.append(finding)
            if console is not None:
                _print(console, finding)
    return Verdict(tuple(findings), at_rest)


async def _check_one(invariant: SystemInvariant, snapshot: SystemSnapshot) -> Finding:
    started = time.monotonic()
    first: list[Violation] = []
    count = 0
    async for violation in invariant.violations(snapshot):
        count += 1
        if len(first) < SHOWN_VIOLATIONS:
            first.append(violation)
    return Finding(invariant, count, tuple(first), time.monotonic() - started)


def _print(console: Console, finding: Finding) -> None:
    result = "[green]holds[/green]" if finding.holds else f"[red]BROKEN[/red] by {finding.count:,}"
    console.print(f"{finding.invariant.name:34} {result}", highlight=False)
    if finding.holds:
        return
    console.print(f"    {finding.invariant.meaning}", style="dim", highlight=False, markup=False)
    for violation in finding.first_violations:
        shown = ", ".join(f"{name}={_plain(value)}" for name, value in violation.items())
        console.print(f"    {shown}", highlight=False, markup=False)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
