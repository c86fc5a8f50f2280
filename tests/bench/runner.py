"""Runs the chosen benches one after the other and shows each row as it is ready."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.table import Table
from tests.bench.figures import Result, Spread, not_measured, result_of
from tests.bench.ground import Ground
from tests.bench.registry import Bench


async def run_benches(ground: Ground, benches: Sequence[Bench], show: Callable[[Result], None]) -> list[Result]:
    """Every row's result; a bench that fails costs its own rows only."""
    results = []
    for bench in benches:
        try:
            await ground.quiet()
            found = await bench.measure(ground)
            finished = [result_of(row, found[row.name]) for row in bench.rows]
        except Exception as error:
            ground.say("".join(traceback.format_exception(error)))
            finished = [not_measured(row, f"failed: {type(error).__name__}: {error}") for row in bench.rows]
        for result in finished:
            show(result)
        results += finished
    return results


def as_line(result: Result) -> str:
    """A row in one line, for the time while the others still run."""
    row = result.row
    if result.value is None:
        return f"{row.name}: {result.note.splitlines()[0]}"
    parts = [f"{row.name}: {_figure(result.value)} {row.unit}"]
    if result.ratio is not None:
        parts.append(f"ratio {_ratio(result.ratio)}")
    if row.goal is not None:
        parts.append(f"goal {row.goal.text(row.unit)} {_met(result.met)}")
    return ", ".join(parts)


def table_of(results: Iterable[Result]) -> Table:
    """The whole table: medians, each with its smallest and largest figure."""
    table = Table(title="Backorder: ratios within this run")
    for heading in ("row", "value", "unit", "floor", "ratio", "goal", "met"):
        table.add_column(heading, justify="left" if heading in ("row", "unit", "goal") else "right", overflow="fold")
    for result in results:
        row = result.row
        table.add_row(
            row.name,
            _figure(result.value),
            row.unit,
            _figure(result.floor),
            _ratio(result.ratio),
            row.goal.text(row.unit) if row.goal else "",
            _met(result.met),
        )
    return table


def print_notes(results: Iterable[Result], console: Console) -> None:
    """What each row measures, and what was noticed meanwhile."""
    for result in results:
        note = f" ({result.note})" if result.note else ""
        console.print(f"{result.row.name}: {result.row.what}{note}", markup=False, highlight=False)


def _figure(one: Spread | None) -> str:
    if one is None:
        return "–"
    if one.low == one.high:
        return _number(one.median)
    return f"{_number(one.median)} ({_number(one.low)}–{_number(one.high)})"


def _ratio(one: Spread | None) -> str:
    return "–" if one is None else f"{one.median:.2f} ({one.low:.2f}–{one.high:.2f})"


def _number(figure: float) -> str:
    """Three significant digits or whole thousands."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def _met(met: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[met]
