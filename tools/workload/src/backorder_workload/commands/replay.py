"""`backorder replay`: half a year of orders in minutes, through the front door."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from backorder_local.commands.options import DataDir, data_directory
from backorder_local.running import NotRunning, RunningSystem, running_system
from backorder_local.services import SERVICE_NAMES
from backorder_workload.replay.allocation_history import NotDecided
from backorder_workload.replay.api import Addresses, CallFailed
from backorder_workload.replay.catalogue import MOST_LOCATIONS
from backorder_workload.replay.driver import System
from backorder_workload.replay.generator import generate
from backorder_workload.replay.listener import NotCaughtUp
from backorder_workload.replay.order_file import BadOrderFile, read_orders
from backorder_workload.replay.order_stream import Stream
from backorder_workload.replay.run import replay_and_check, write_json
from backorder_workload.replay.session import Choices

_GENERATED = 1_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    *,
    orders: Annotated[
        Path | None, typer.Option(help="CSV of order lines (may be gzipped); without it orders are generated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many orders (generated: 1,000).")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Only the first days of the stream.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same orders and the same simulated world.")] = 1,
    locations: Annotated[int, typer.Option(min=1, max=MOST_LOCATIONS, help="Warehouses.")] = 2,
    speed: Annotated[int, typer.Option(min=1, max=256, help="Concurrent HTTP calls.")] = 32,
    contacts: Annotated[float, typer.Option(min=0, max=1, help="Share of customers who get mail.")] = 0.25,
    drain_days: Annotated[int, typer.Option(min=0, help="Days to continue after the last order.")] = 45,
    run: Annotated[str | None, typer.Option(help="Prefix of all references; a new one by default.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    check: Annotated[bool, typer.Option(help="Verify every invariant at the end.")] = True,
    data_dir: DataDir = None,
    url: Annotated[
        list[str] | None,
        typer.Option(help="SERVICE=URL, once for each service, for a system that runs elsewhere; with --kafka, --key."),
    ] = None,
    kafka: Annotated[str | None, typer.Option(help="Broker of a system that runs elsewhere: host:port.")] = None,
    key: Annotated[
        str | None, typer.Option(envvar="BACKORDER_API_KEY", help="API key with all scopes, import too.")
    ] = None,
) -> None:
    """Replay order lines through the HTTP API in simulated time and report what became of them."""
    console = Console()
    try:
        stream = _stream(orders, limit, days, seed)
        system, local = _system(data_dir, url or [], kafka, key)
    except (OSError, BadOrderFile, NotRunning) as error:
        raise SystemExit(str(error)) from None
    choices = Choices(
        seed=seed,
        locations=locations,
        concurrency=speed,
        contacts_share=contacts,
        drain_days=drain_days,
        run=run or f"r{secrets.token_hex(3)}",
    )
    try:
        outcome = asyncio.run(replay_and_check(system, stream, choices, console, check=local if check else None))
    except (CallFailed, NotDecided, NotCaughtUp) as error:
        raise SystemExit(f"The replay ended early: {error}") from None
    if json_file is not None:
        write_json(json_file, outcome)
    raise SystemExit(0 if outcome.holds else 1)


def _stream(orders: Path | None, limit: int | None, days: int | None, seed: int) -> Stream:
    if orders is None:
        return generate(limit or _GENERATED, seed=seed, days=days)
    stream = read_orders(orders).first(limit, days)
    if not stream.orders:
        raise BadOrderFile(f"{orders} contains no order of goods")
    return stream


def _system(
    data_dir: Path | None, urls: list[str], kafka: str | None, key: str | None
) -> tuple[System, RunningSystem | None]:
    """Where to replay, and the local system whose invariants can be checked; None for a system elsewhere."""
    if not urls:
        local = running_system(data_directory(data_dir).root)
        return System(Addresses(**local.service_urls), key or local.api_key, kafka or local.kafka_bootstrap), local
    named = dict(entry.partition("=")[::2] for entry in urls)
    missing = [name for name in SERVICE_NAMES if not named.get(name)]
    if missing or not kafka or not key:
        raise typer.BadParameter("--url names order, inventory, allocation and notification; --kafka and --key too")
    return System(Addresses(**{name: named[name] for name in SERVICE_NAMES}), key, kafka), None
