"""`backorder calibrate`: whether promised dates are kept, also when suppliers change."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from backorder_local.commands.options import misused
from backorder_workload.calibration.picture import svg
from backorder_workload.calibration.running import GOALS, WorldResult, run_worlds
from backorder_workload.calibration.worlds import WORLDS
from backorder_workload.replay.generator import generate
from backorder_workload.replay.order_file import BadOrderFile, read_orders
from backorder_workload.replay.order_stream import Stream

_GENERATED, _QUICK = 8_000, 1_500


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="calibrate")(calibrate)


def calibrate(
    *,
    orders: Annotated[
        Path | None, typer.Option(help="CSV of order lines (may be gzipped); without it orders are generated.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=28, max=730, help="Only the first days of the orders.")] = None,
    world: Annotated[list[str] | None, typer.Option(help="A world's name; may be given several times.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one a core unless stated.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few orders: a look in a minute.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
    picture: Annotated[Path | None, typer.Option("--svg", help="Draw the share kept in each world.")] = None,
) -> None:
    """Promise dates in worlds whose suppliers slip, fall silent, deliver short or strike, and count what was kept.

    Exits with 1 if a goal is missed, with 2 if there is nothing to run.
    """
    console = Console()
    names = [one.name for one in WORLDS]
    try:
        unknown = [one for one in world or () if one not in names]
        if unknown:
            raise ValueError(f"--world {unknown[0]}: there are {', '.join(names)}")
        stream = _stream(orders, days, seed, _QUICK if quick else _GENERATED)
    except (BadOrderFile, OSError, ValueError) as error:
        raise misused(error) from None
    results = _run(console, stream, world or names, seed, workers or os.cpu_count() or 1)
    _show(console, results, stream)
    if json_file is not None:
        json_file.write_text(json.dumps([_data(one) for one in results], indent=1) + "\n")
    if picture is not None:
        picture.write_text(svg(results, {name: (goal.least, goal.most) for name, goal in GOALS.items()}))
    raise SystemExit(1 if any(one.missed() for one in results) else 0)


def _stream(orders: Path | None, days: int | None, seed: int, generated: int) -> Stream:
    if orders is None:
        return generate(generated, seed=seed, days=days or 200)
    found = read_orders(orders).first(days=days)
    if not found.orders:
        raise BadOrderFile(f"{orders} contains no order of goods")
    return found


def _run(console: Console, stream: Stream, names: list[str], seed: int, workers: int) -> list[WorldResult]:
    columns = (TextColumn("worlds"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("worlds", total=len(set(names)))
        return run_worlds(stream, names, seed, workers, lambda: bar.advance(task))


def _show(console: Console, results: list[WorldResult], stream: Stream) -> None:
    lines = sum(len(order.lines) for order in stream.orders)
    console.print(f"{len(stream.orders):,} orders, {lines:,} lines; first dates that came due", soft_wrap=True)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("world", no_wrap=True)
    for name in ("dates", "kept", "goal", "worst 200", "slack", "moves/100", "told in time", "overstated"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        figures, goal, missed = result.figures, GOALS.get(result.name), result.missed()
        wanted = "" if goal is None else f"≥ {goal.least:.0%}" + (f" ≤ {goal.most:.1%}" if goal.most < 1 else "")
        cells = {
            "dates": f"{figures.dates:,}",
            "kept": f"{figures.kept:.1%}",
            "goal": wanted,
            "rolling": f"{figures.rolling_least:.0%}",
            "slack": f"{figures.slack_days:.1f} d",
            "moves": f"{figures.moves_per_100:.1f}",
            "told": f"{figures.told_in_time:.0%}",
            "confidence": f"{100 * figures.overstated:.0f} pt",
        }
        table.add_row(result.name, *(f"[red]{text}[/]" if name in missed else text for name, text in cells.items()))
    console.print(table)
    console.print(_LEGEND, style="dim", soft_wrap=True)


_LEGEND = """\
worst 200: least share of any 200 dates in a row; slack: mean of date less day served, of those kept; moves: dates that
moved, of 100 lines; told in time: by the old date; overstated: how far a stated confidence lies above what was kept, in
the worst of those that 500 dates or more had. Red: the goal is missed."""


def _data(result: WorldResult) -> dict[str, object]:
    bins = [one._asdict() for one in result.figures.bins]
    return {"world": result.name, "meaning": result.meaning, **asdict(result.figures), "bins": bins,
            "missed": result.missed()}  # fmt: skip
