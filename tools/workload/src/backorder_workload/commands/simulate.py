"""`backorder simulate`: compares policies on the same orders and the same supply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from allocation_service.simulation.experiment import ExperimentPlan, Result, simulate
from allocation_service.simulation.figures import COST, FILL, GAP, GOALS, LOWEST, SHIP_COMPLETE, FigureRow, as_json
from allocation_service.simulation.picture import svg
from allocation_service.simulation.request import DEFAULT_POLICIES, faults_of, warnings_of
from allocation_service.simulation.setting import QUICK, SCENARIOS, Scenario, Size
from allocation_service.simulation.streams import Sold, busiest
from backorder_local.commands.options import misused
from backorder_workload.replay.order_file import BadOrderFile, read_orders

_DAY = 86_400.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="simulate")(simulate_policies)


def simulate_policies(
    *,
    policies: Annotated[
        str,
        typer.Option(help="Names, with commas between, or files NAME.json; first come (fifo) is always among them."),
    ] = ",".join(DEFAULT_POLICIES),
    orders: Annotated[
        Path | None, typer.Option(help="CSV of order lines (may be gzipped); without it orders are generated.")
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help=f"{' or '.join(SCENARIOS)}; both unless stated. May be given twice.")
    ] = None,
    patience: Annotated[str, typer.Option(help="Patience runs from the date a line is `due`, or from the `order`.")] = (
        "due"
    ),
    seeds: Annotated[int | None, typer.Option(min=1, max=1_000, help="Worlds to simulate for each scenario.")] = None,
    first_seed: Annotated[int, typer.Option(min=0, help="The first seed; the others follow it.")] = 1,
    skus: Annotated[int | None, typer.Option(min=1, max=1_000, help="SKUs of a world; of a file, its busiest.")] = None,
    days: Annotated[int | None, typer.Option(min=28, max=730, help="Length of a world.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one a core unless stated.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few small worlds: a look in seconds, wide intervals.")] = (
        False
    ),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
    picture: Annotated[Path | None, typer.Option("--svg", help="Draw cost against lowest-tier losses.")] = None,
) -> None:
    """Compare allocation policies by cost, waiting and losses with first come, first served and the clairvoyant bound.

    The same seeds give the same figures. Exits with 1 if a goal is missed, with 2 if there is nothing to simulate.
    """
    console = Console()
    base = QUICK if quick else Size()
    size = Size(seeds=seeds or base.seeds, skus=skus or base.skus, days=days or base.days, first_seed=first_seed)
    try:
        chosen = _scenarios(scenario, patience)
        names, documents = _policies(policies)
        sold = None if orders is None else _sold(orders, size)
        for warning in warnings_of(documents):
            typer.echo(f"warning: --policies {warning.pointer[1:]}: {warning.detail}", err=True)
        plan = ExperimentPlan(names, chosen, size, sold, documents)
        result = _simulated(plan, console, workers)
    except (BadOrderFile, ValueError) as error:
        raise misused(error) from None
    _show(console, result, plan, orders)
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(result.rows), indent=1) + "\n")
    if picture is not None:
        picture.write_text(svg(result.rows))
    raise SystemExit(0 if all(row.met is not False for row in result.rows) else 1)


def _policies(listed: str) -> tuple[tuple[str, ...], dict[str, dict[str, Any]]]:
    """The names of the policies, and the documents of those that are files: a policy in X.json is called X."""
    words = [word.strip() for word in listed.split(",") if word.strip()]
    files = [Path(word) for word in words if word.endswith(".json")]
    documents = {}
    for file in files:
        try:
            documents[file.stem] = json.loads(file.read_text())
        except OSError as error:
            raise ValueError(f"--policies {file}: {error.strerror}") from None
        except ValueError as error:
            raise ValueError(f"{file} is no JSON: {error}") from None
    faults = faults_of(documents)
    if faults:
        raise ValueError("\n".join(f"--policies {fault.pointer[1:]}: {fault.detail}" for fault in faults))
    return tuple(word for word in words if not word.endswith(".json")), documents


def _scenarios(names: list[str] | None, patience: str) -> tuple[Scenario, ...]:
    if patience not in ("due", "order"):
        raise ValueError(f"--patience {patience}: it runs from `due` or from `order`")
    unknown = [name for name in names or () if name not in SCENARIOS]
    if unknown:
        raise ValueError(f"--scenario {unknown[0]}: there are {', '.join(SCENARIOS)}")
    chosen = dict.fromkeys(names or SCENARIOS)
    return tuple(SCENARIOS[name]._replace(patience_from_due=patience == "due") for name in chosen)


def _sold(path: Path, size: Size) -> tuple[Sold, ...]:
    """The lines of the file's busiest SKUs, in days since its first order."""
    try:
        stream = read_orders(path)
    except OSError as error:
        raise BadOrderFile(f"--orders {path}: {error.strerror or error}") from None
    if not stream.orders:
        raise BadOrderFile(f"{path} contains no order of goods")
    start = stream.orders[0].placed_at
    lines = [
        Sold(order.reference, line.sku, line.quantity, (order.placed_at - start).total_seconds() / _DAY, order.customer)
        for order in stream.orders
        for line in order.lines
    ]
    return tuple(busiest(lines, size.skus, size.days))


def _simulated(plan: ExperimentPlan, console: Console, workers: int | None) -> Result:
    columns = (TextColumn("worlds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("worlds", total=plan.steps)
        return simulate(plan, lambda done, total: bar.update(task, completed=done, total=total), workers)


def _show(console: Console, result: Result, plan: ExperimentPlan, orders: Path | None) -> None:
    size = plan.size
    source = f"the {size.skus} busiest SKUs of {orders}" if orders else f"{size.skus} generated SKUs"
    console.print(
        f"{size.seeds} worlds a scenario (seeds {size.first_seed} to {size.first_seed + size.seeds - 1}), {source},"
        f" {size.days} days, {result.lines:,.0f} order lines a world; mean and 95 % confidence interval over seeds",
        soft_wrap=True,
    )
    for scenario in dict.fromkeys(row.scenario for row in result.rows):
        goals = [f"{figure} {goal}" for (name, figure), goal in GOALS.items() if name == scenario]
        console.print(f"\n[bold]{scenario}[/]  goals: {', '.join(goals)}", soft_wrap=True)
        shown = [row for row in result.rows if row.scenario == scenario]
        for title, columns in _TABLES.items():
            table = _table(title, shown, columns)
            if table is not None:
                console.print(table)
    console.print(_LEGEND, style="dim", soft_wrap=True)


_LEGEND = """\
cost: against first come; gap: share of the gap from first come to the clairvoyant bound that is closed; lowest: units
of the lowest tier that are cancelled, against first come, in points; ✓ ✗: the goal is met or missed by the mean.
fill: units served, gold/silver/bronze; wait: mean/95th percentile, days; lost: units
cancelled; worst: share served of the tenth of the customers who got least; Jain: index of the customers' shares
served, 1 where all are equal. ± is half a confidence interval; --json has the intervals of all figures."""
_TABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "goals": {"cost %": (COST,), "gap %": (GAP,), "lowest, points": (LOWEST,), "of optimum %": (SHIP_COMPLETE,)},
    "service": {
        "fill %": (FILL,),
        "wait": ("wait_mean", "wait_p95"),
        "lost %": ("cancelled",),
        "worst %": ("worst_decile_customer",),
        "Jain": ("jain",),
    },
}
_DAYS = frozenset({"wait_mean", "wait_p95"})


def _table(title: str, rows: list[FigureRow], columns: dict[str, tuple[str, ...]]) -> Table | None:
    """A table of figures with one row per policy; None if no policy has any of them."""
    there = {row.figure for row in rows}
    titles = {name: figures for name, figures in columns.items() if there.intersection(figures)}
    if not titles:
        return None
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("policy", no_wrap=True)
    for name in titles:
        table.add_column(name, justify="right", no_wrap=True)
    for policy in dict.fromkeys(row.policy for row in rows):
        cells = []
        for figures in titles.values():
            shown = [row for figure in figures for row in rows if (row.policy, row.figure) == (policy, figure)]
            cells.append(_cell(shown, ranges=title == "goals"))
        if any(cells):
            table.add_row(policy, *cells)
    return table


def _cell(shown: list[FigureRow], *, ranges: bool) -> str:
    """Several figures separated by slashes, or one with its interval below it or half of the interval behind it."""
    if len(shown) != 1:
        return "/".join(f"{100 * row.value:.0f}" if row.figure == FILL else _number(row, row.value) for row in shown)
    row = shown[0]
    if not ranges:
        return f"{_number(row, row.value)}[dim]±{_number(row, (row.ci_high - row.ci_low) / 2).lstrip('+')}[/]"
    mark = {None: "", True: "[green]✓[/] ", False: "[red]✗[/] "}[row.met]
    return f"{mark}{_number(row, row.value)}\n[dim]{_number(row, row.ci_low)}…{_number(row, row.ci_high)}[/]"


def _number(row: FigureRow, value: float) -> str:
    if row.figure == LOWEST:
        return f"{100 * value:+.1f}"
    if row.figure in _DAYS:
        return f"{value:.1f}"
    return f"{value:.2f}" if row.figure == "jain" else f"{100 * value:.1f}"
