"""`backorder simulate`: policies side by side on the same orders and the same supply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from allocation_service.simulation.experiment import Plan, Result, simulate
from allocation_service.simulation.figures import COST, FILL, GAP, GOALS, LOWEST, SHIP_COMPLETE, Row, as_json
from allocation_service.simulation.picture import svg
from allocation_service.simulation.request import DEFAULT_POLICIES, faults_of
from allocation_service.simulation.setting import QUICK, SCENARIOS, TIERS, Scenario, Size
from allocation_service.simulation.streams import Sold, busiest
from backorder_local.replay.order_file import BadOrderFile, read_orders

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
    """Compare allocation policies: cost, waiting and losses, against first come and the clairvoyant bound.

    Same seeds, same figures. Exits with 1 where a goal is missed.
    """
    console = Console()
    base = QUICK if quick else Size()
    size = Size(seeds=seeds or base.seeds, skus=skus or base.skus, days=days or base.days, first_seed=first_seed)
    try:
        chosen = _scenarios(scenario, patience)
        sold = None if orders is None else _sold(orders, size)
        names, documents = _policies(policies)
        plan = Plan(names, chosen, size, sold, documents)
        result = _simulated(plan, console, workers)
    except (OSError, BadOrderFile, ValueError) as error:
        raise SystemExit(str(error)) from None
    _show(console, result, plan, orders)
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(result.rows), indent=1) + "\n")
    if picture is not None:
        picture.write_text(svg(result.rows))
    raise SystemExit(0 if all(row.met is not False for row in result.rows) else 1)


def _policies(listed: str) -> tuple[tuple[str, ...], dict[str, dict[str, Any]]]:
    """Names as they are; what ends in .json is a file with a policy, called as the file."""
    words = [word.strip() for word in listed.split(",") if word.strip()]
    files = [Path(word) for word in words if word.endswith(".json")]
    documents = {}
    for file in files:
        try:
            documents[file.stem] = json.loads(file.read_text())
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
    stream = read_orders(path)
    if not stream.orders:
        raise BadOrderFile(f"{path} holds no order of goods")
    start = stream.orders[0].placed_at
    lines = [
        Sold(order.reference, line.sku, line.quantity, (order.placed_at - start).total_seconds() / _DAY, order.customer)
        for order in stream.orders
        for line in order.lines
    ]
    return tuple(busiest(lines, size.skus, size.days))


def _simulated(plan: Plan, console: Console, workers: int | None) -> Result:
    columns = (TextColumn("worlds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("worlds", total=plan.steps)
        return simulate(plan, lambda done, total: bar.update(task, completed=done, total=total), workers)


def _show(console: Console, result: Result, plan: Plan, orders: Path | None) -> None:
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
        console.print(_table([row for row in result.rows if row.scenario == scenario]))
    console.print(_LEGEND, style="dim", soft_wrap=True)


_LEGEND = """\
cost: against first come; gap: share of the gap from first come to the clairvoyant bound that is closed; lowest: units
of the lowest tier that are cancelled, against first come, in points; fill: units served, gold, silver, bronze; wait:
mean and 95th percentile, days; late: weighted days late a unit; lost: units cancelled; worst: share served of the tenth
of the customers who got least; Jain: index of the customers' shares served, 1 where all are equal"""
_COLUMNS = {
    "cost": (COST,),
    "gap": (GAP,),
    "lowest": (LOWEST,),
    "fill": tuple(f"{FILL}.{tier.name}" for tier in TIERS),
    "wait": ("wait_mean", "wait_p95"),
    "late": ("weighted_tardiness",),
    "lost": ("cancelled",),
    "worst": ("worst_decile_customer",),
    "Jain": ("jain",),
    "of optimum": (SHIP_COMPLETE,),
}
_POINTS, _DAYS, _PLAIN = frozenset({LOWEST}), frozenset({"wait_mean", "wait_p95", "weighted_tardiness"}), {"jain"}


def _table(rows: list[Row]) -> Table:
    found = {(row.policy, row.figure): row for row in rows}
    there = {row.figure for row in rows}
    table = Table(padding=(0, 0))
    table.add_column("policy", no_wrap=True)
    columns = {title: figures for title, figures in _COLUMNS.items() if there.intersection(figures)}
    for title in columns:
        table.add_column(title, justify="right", no_wrap=True)
    for policy in dict.fromkeys(row.policy for row in rows):
        cells = []
        for figures in columns.values():
            shown = [found[policy, figure] for figure in figures if (policy, figure) in found]
            cells.append(_single(shown[0]) if len(shown) == 1 else "\n".join(_number(row, row.value) for row in shown))
        table.add_row(policy, *cells)
    return table


def _single(row: Row) -> str:
    mark = {None: "", True: "[green]✓[/]", False: "[red]✗[/]"}[row.met]
    return f"{_number(row, row.value)}{mark}\n[dim]{_number(row, row.ci_low)}…{_number(row, row.ci_high)}[/]"


def _number(row: Row, value: float) -> str:
    if row.figure in _POINTS:
        return f"{100 * value:+.1f}"
    if row.figure in _DAYS:
        return f"{value:.1f}"
    return f"{value:.2f}" if row.figure in _PLAIN else f"{100 * value:.0f}%"
