"""Runs a replay with progress bars, then checks the invariants and prints the report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from backorder_local.running import RunningSystem
from backorder_verify.check.runner import Verdict, check_system
from backorder_workload.replay.api import Addresses
from backorder_workload.replay.driver import ReplayProgress, Result, System, replay
from backorder_workload.replay.order_stream import Stream
from backorder_workload.replay.report import print_result, result_as_data
from backorder_workload.replay.session import Choices

_DAYS_BETWEEN_LINES = 7


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a replay and the verdict on the system after it; None if the invariants were not checked."""

    result: Result
    verdict: Verdict | None

    @property
    def holds(self) -> bool:
        """Whether every checked invariant holds."""
        return self.verdict is None or self.verdict.holds


def reach(system: RunningSystem) -> System:
    """How a replay reaches a running system."""
    return System(Addresses(**system.service_urls), system.api_key, system.kafka_bootstrap)


async def replay_and_check(
    system: System, stream: Stream, choices: Choices, console: Console, *, check: RunningSystem | None
) -> Outcome:
    """Replay a stream, check every invariant of the system given as `check`, and print the report."""
    with _bars(console) as bars:
        placed = bars.add_task("orders", total=len(stream.orders), day="")
        drained = bars.add_task("days to fill backorders", total=choices.drain_days, day="", visible=False)
        last_order = stream.orders[-1].placed_at.date()

        def show(progress: ReplayProgress) -> None:
            day = f"{progress.day}, {progress.waiting_units:,} units wait"
            bars.update(placed, completed=progress.orders, day=day)
            if progress.draining:
                bars.update(drained, visible=True, completed=(progress.day - last_order).days, day=day)
            if not console.is_terminal and (progress.day.toordinal() % _DAYS_BETWEEN_LINES) == 0:
                console.print(f"{day}; {progress.orders:,} of {len(stream.orders):,} orders placed")

        result = await replay(system, stream, choices, show)
        bars.update(drained, visible=False)
    verdict = await check_system(check, console) if check else None
    print_result(console, result, verdict.summary() if verdict else None)
    return Outcome(result, verdict)


def write_json(path: Path, outcome: Outcome) -> None:
    """Write the report as JSON."""
    verdict = outcome.verdict.as_data() if outcome.verdict is not None else None
    path.write_text(json.dumps(result_as_data(outcome.result, verdict), indent=2) + "\n")


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[day]}"),
        console=console,
        disable=not console.is_terminal,
    )
