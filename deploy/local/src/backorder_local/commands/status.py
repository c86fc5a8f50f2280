"""`backorder status`: what each part is doing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from backorder_local.commands.options import DataDir, data_directory
from backorder_local.data_directory import DataDirectory
from backorder_local.running import NotRunning, RunningSystem, running_system

if TYPE_CHECKING:
    from backorder_local.inspection import PartStatus

_WELL = {"healthy", "done"}


def register(app: typer.Typer) -> None:
    """Add `status`."""
    app.command()(status)


def status(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show state, memory, restarts and backlog of each part. Exits with 1 unless all are well, 3 if nothing runs."""
    directory = data_directory(data_dir)
    if directory.holder() is None:
        print(json.dumps({"running": False, "parts": []}) if as_json else f"nothing runs in {directory.root}")
        raise SystemExit(3)
    shown, system = _gather(directory)
    if as_json:
        print(json.dumps(shown, indent=2))
    else:
        _print_table(shown, system)
    raise SystemExit(0 if system and all(part["state"] in _WELL for part in shown["parts"]) else 1)


def _gather(directory: DataDirectory) -> tuple[dict[str, Any], RunningSystem | None]:
    from backorder_local.inspection import Backlog, backlogs, consumer_lag, recorded_parts  # noqa: PLC0415 - slow to import
    from backorder_local.local_parts import why_not_ready  # noqa: PLC0415 - as above

    parts = recorded_parts(directory)
    try:
        system = running_system(directory.root)
    except NotRunning:
        system = None
    if system is not None:
        addresses = system

        async def look() -> tuple[dict[str, Backlog], dict[str, int]]:
            return await asyncio.gather(backlogs(addresses), consumer_lag(addresses.kafka_bootstrap))

        waiting, lag = asyncio.run(look())
        parts = [
            replace(
                part,
                lag=lag.get(part.name),
                not_ready=why_not_ready(addresses.ops_urls[part.name]) if _may_tell(part, addresses) else None,
                **(vars(waiting[part.name]) if part.name in waiting else {}),
            )
            for part in parts
        ]
    return {"running": True, "up": system is not None, "parts": [part.as_json() for part in parts]}, system


def _may_tell(part: PartStatus, system: RunningSystem) -> bool:
    return part.state == "not ready" and part.name in system.ops_urls


def _print_table(shown: Mapping[str, Any], system: RunningSystem | None) -> None:
    headings = ("part", "state", "pid", "port", "memory", "restarts", "lag", "outbox", "oldest", "parked")
    table = Table(*headings, box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.columns[0].no_wrap = True
    for column in table.columns[2:]:
        column.justify = "right"
    for part in shown["parts"]:
        if part["state"] == "done":
            continue
        state = part["state"] if part["state"] in _WELL else f"[red]{part['state']}[/red]"
        oldest = part["outbox_oldest_seconds"]
        table.add_row(
            part["name"], state, _cell(part["pid"]), _cell(part["port"]), _cell(part["memory_mb"], " MB"),
            str(part["restarts"]), _cell(part["lag"]), _cell(part["outbox_rows"]), _cell(oldest, " s"),
            _cell(part["parked"]),
        )  # fmt: skip
    console = Console()
    console.print(table)
    for part in shown["parts"]:
        if part["not_ready"]:
            console.print(f"{part['name']} is not ready: {part['not_ready']}")
        if part["last_end"]:
            console.print(f"{part['name']} {part['last_end']} (restarts: {part['restarts']})")
    if system is None:
        console.print("not everything is up yet")


def _cell(value: object, unit: str = "") -> str:
    return "" if value is None else f"{value}{unit}"
