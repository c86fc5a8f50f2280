"""`backorder demo`: shows the whole system at work, from an empty directory, in a minute or two."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from backorder_local.commands.options import DataDir, data_directory
from backorder_local.data_directory import DataDirectory
from backorder_local.running import NotRunning, RunningSystem, running_system
from backorder_verify.check.runner import check_system
from backorder_workload.delay_story.dated_shop import DatedShop
from backorder_workload.delay_story.outside import Outside
from backorder_workload.delay_story.story import STORY_DAYS, DelayStory
from backorder_workload.replay.allocation_history import NotDecided
from backorder_workload.replay.api import Api, CallFailed
from backorder_workload.replay.generator import generate
from backorder_workload.replay.listener import NotCaughtUp
from backorder_workload.replay.run import reach, replay_and_check
from backorder_workload.replay.session import Choices
from backorder_workload.replay.story import SKU, Story, StoryFailed, StoryResult

_ORDERS, _DAYS, _DRAIN_DAYS = 300, 21, 30
# In operation, messages about an order are held for a minute to be sent together; a demo should not wait for that.
_QUICK_MAIL = {"NOTIFICATION_HOLD_SECONDS": "2", "NOTIFICATION_SETTLE_SECONDS": "4"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Use a temporary directory; stop everything and remove it at the end.")
    ] = False,
    orders: Annotated[int, typer.Option(min=1, help="Orders to replay.")] = _ORDERS,
    seed: Annotated[int, typer.Option(help="Same seed, same orders.")] = 1,
    data_dir: DataDir = None,
) -> None:
    """Start everything, replay weeks of orders, tell of a delay and of one order, and leave the system running.

    Exits with 0 only if every invariant holds.
    """
    console = Console()
    with _directory(data_dir, temporary=once) as directory:
        try:
            system = _started(directory, console)
            holds, story = asyncio.run(_play(system, orders, seed, console))
        except (CallFailed, NotDecided, NotCaughtUp, NotRunning, StoryFailed) as error:
            raise SystemExit(f"The demo failed: {error}") from None
        if not once:
            _suggest_next_steps(system, story, console)
    if not holds:
        raise SystemExit(1)


@contextmanager
def _directory(chosen: Path | None, *, temporary: bool) -> Iterator[DataDirectory]:
    if not temporary:
        yield data_directory(chosen)
        return
    root = Path(tempfile.mkdtemp(prefix="backorder-demo-"))
    try:
        yield DataDirectory(root)
    finally:
        _backorder("down", "--data-dir", str(root))
        shutil.rmtree(root, ignore_errors=True)


def _started(directory: DataDirectory, console: Console) -> RunningSystem:
    """The system of the directory, started unless it is already running."""
    try:
        return running_system(directory.root)
    except NotRunning:
        console.print("Starting PostgreSQL, Kafka and the four services …")
    if _backorder("up", "--detach", "--free-ports", "--data-dir", str(directory.root), environment=_QUICK_MAIL) != 0:
        raise SystemExit(1)
    return running_system(directory.root)


def _backorder(*arguments: str, environment: dict[str, str] | None = None) -> int:
    """Run another `backorder` command, as a user would; returns its exit code."""
    command = [sys.executable, "-m", "backorder_local.cli", *arguments]
    return subprocess.run(command, check=False, env={**os.environ, **(environment or {})}).returncode


async def _play(system: RunningSystem, orders: int, seed: int, console: Console) -> tuple[bool, StoryResult]:
    run = f"demo{secrets.token_hex(2)}"
    console.print(f"\nReplaying {orders} orders of {_DAYS} days, with everything that suppliers and customers do …")
    choices = Choices(seed=seed, run=run, drain_days=_DRAIN_DAYS)
    # Replay, delay and main job follow each other in time, too, and real time is left to the last.
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = today - timedelta(days=STORY_DAYS)
    stream = generate(orders, seed=seed, days=_DAYS, start=begins - timedelta(days=_DAYS + _DRAIN_DAYS))
    async with Api(reach(system).addresses, system.api_key, concurrency=4) as api:
        fresh = await _is_before(api, begins)
        await replay_and_check(reach(system), stream, choices, console, check=None)
        if fresh:
            await _tell_of_a_delay(system, api, begins, run, console)
        else:
            console.print("\nThe story of a delay is left out: its weeks are over here. `make demo ONCE=1` tells it.")
        console.print("\nThe main job, with one order, today:")
        story = Story(api, lambda step: console.print(f"  · {step}", highlight=False), run=run)
        result = await story.play(DataDirectory(Path(system.data_dir)), mail_within=20)
    console.print("\nEvery invariant, checked in the four databases and the topics:")
    verdict = await check_system(system, console)
    console.print(verdict.summary())
    return verdict.holds, result


async def _is_before(api: Api, moment: datetime) -> bool:
    """Whether no order of the system was placed after the moment, so that its clock may still stand before it."""
    page, _ = await api.read(f"{api.addresses.order}/v1/orders?limit=1")
    return all(datetime.fromisoformat(order["placed_at"]) < moment for order in page["data"])


async def _tell_of_a_delay(system: RunningSystem, api: Api, begins: datetime, run: str, console: Console) -> None:
    """Play the story of a delay in the weeks after the replay."""
    console.print("\nA delay in the weeks after that, and what becomes of orders and money:")
    async with Outside(system, DataDirectory(Path(system.data_dir)).mails) as outside:
        shop = DatedShop(api, begins, run)
        await DelayStory(shop, outside, lambda text: console.print(text, highlight=False, soft_wrap=True), run).play()


def _suggest_next_steps(system: RunningSystem, story: StoryResult, console: Console) -> None:
    urls, key = system.service_urls, f'-H "Authorization: Bearer {system.api_key}"'
    body = f'{{"reference": "WEB-1", "lines": [{{"sku": "{SKU}", "quantity": 20}}]}}'
    console.print("\nThe system is up; `make down` stops it. Try it:\n", highlight=False)
    for comment, line in (
        ("Is it there, and if not, when?", f'curl -s {key} "{urls["allocation"]}/v1/availability?sku={SKU}"'),
        (
            "Order more than there is: backordered, with a date",
            f'curl -s {key} -H "Idempotency-Key: WEB-1" -H "Content-Type: application/json" -H "Prefer: wait=2" '
            f"-d '{body}' {urls['order']}/v1/orders",
        ),
        (
            "Who waits for it, at which place, until when?",
            f'curl -s {key} "{urls["allocation"]}/v1/backorders?sku={SKU}"',
        ),
    ):
        print(f"# {comment}\n{line}\n")
    print(f"# The order of the demo\ncurl -s {key} {urls['order']}/v1/orders/{story.order_id}\n")
    for name, url in urls.items():
        print(f"  {name:13} {url}/openapi.json")
    print(f"  {'API key':13} {system.api_key}")
