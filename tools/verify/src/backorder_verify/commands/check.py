"""`backorder check`: does every invariant of the system hold right now?"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from backorder_local.commands.options import DataDir, data_directory
from backorder_local.running import NotRunning, running_system


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    *,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    wait: Annotated[bool, typer.Option(help="First wait until the system is at rest.")] = True,
    within: Annotated[float, typer.Option(min=0, help="Longest wait for that, in seconds.")] = 60.0,
    inbox_days: Annotated[
        float | None,
        typer.Option(min=0, help="Days after which inboxes forget events; older records are not checked."),
    ] = None,
) -> None:
    """Read the four databases and the topics and verify every invariant. Exits with 1 if one is broken."""
    from backorder_verify.check.runner import check_system  # noqa: PLC0415 - slow to import

    try:
        system = running_system(data_directory(data_dir).root)
    except NotRunning as error:
        raise SystemExit(str(error)) from None
    console = None if as_json else Console(soft_wrap=True)
    horizon = datetime.now(UTC) - timedelta(days=inbox_days) if inbox_days is not None else None
    verdict = asyncio.run(check_system(system, console, wait=wait, within=within, inbox_horizon=horizon))
    if console is None:
        print(json.dumps(verdict.as_data(), indent=2))
    else:
        console.print(verdict.summary())
    raise SystemExit(0 if verdict.holds else 1)
