"""Running a replay with progress bars, then the invariant checker, then the report: what the commands call."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from backorder_local.running import RunningSystem
from backorder_verify.check.runner import Verdict, check_system
from backorder_workload.replay.api import Addresses
from backorder_workload.replay.driver import Progress as Standing
from backorder_workload.replay.driver import Result, System, replay
from backorder_workload.replay.order_stream import Stream
from backorder_workload.replay.report import print_result, result_as_data
from backorder_workload.replay.session import Choices

_DAYS_BETWEEN_LINES = 7


@dataclass(frozen=True, slots=True)
class Outcome:
    """A replay and what the checker says of the system after it; `verdict` is None where it was not asked."""

    result: Result
    verdict: Verdict | None

    @property
    def holds(self) -> bool:
        """False where an invariant broke."""
        return self.verdict is None or self.verdict.holds


def reach(system: RunningSystem) -> System:
    """The parts of a running system that a replay uses."""
    return System(Addresses(**system.service_urls), system.api_key, system.kafka_bootstrap)


async def replay_and_check(
    system: System, stream: Stream, choices: Choices, console: Console, *, check: RunningSystem | None
) -> Outcome:
    """Replay, check every invariant where databases can be reached, and print the table."""
    with _bars(console) as bars:
        placed = bars.add_task("orders", total=len(stream.orders), day="")
        drained = bars.add_task("days to serve who waits", total=choices.drain_days, day="", visible=False)
        last_order = stream.orders[-1].placed_at.date()

        def tell(standing: Standing) -> None:
            day = f"{standing.day}, {standing.waiting_units:,} units wait"
            bars.update(placed, completed=standing.orders, day=day)
            if standing.draining:
                bars.update(drained, visible=True, completed=(standing.day - last_order).days, day=day)
            if not console.is_terminal and (standing.day.toordinal() % _DAYS_BETWEEN_LINES) == 0:
                console.print(f"{day}; {standing.orders:,} of {len(stream.orders):,} orders placed")

        result = await replay(system, stream, choices, tell)
        bars.update(drained, visible=False)
    verdict = await check_system(check, console) if check else None
    print_result(console, result, verdict.summary() if verdict else None)
    return Outcome(result, verdict)


def write_json(path: Path, outcome: Outcome) -> None:
    """Store the report as JSON."""
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
