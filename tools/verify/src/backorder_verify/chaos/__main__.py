"""`python -m backorder_verify.chaos`: what `make chaos` runs. Exits with 0 only if every promise was kept."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from backorder_local.data_directory import DataDirectory
from backorder_local.private_files import write_json
from backorder_verify.chaos.planted_defects import PLANTS
from backorder_verify.chaos.report import Outcome, show
from backorder_verify.chaos.run import Plan, run_chaos


def main() -> int:
    """Run, print, write `chaos.json`; the exit code."""
    arguments = _parser().parse_args()
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(1_000_000)
    burst = (arguments.burst, arguments.burst) if arguments.burst else Plan.burst
    plan = Plan(arguments.kills, seed, arguments.rate, arguments.freeze, arguments.plant, burst, arguments.session)
    console = Console(soft_wrap=True)
    console.print(f"{plan.kills} kills, seed {seed}" + (f", planted: {plan.plant}" if plan.plant else ""))
    os.umask(0o077)
    root = Path(tempfile.mkdtemp(prefix="backorder-chaos-"))
    holds = False
    try:
        outcome = asyncio.run(_run(plan, root, console))
        show(outcome, console)
        write_json(arguments.json, outcome.as_data())
        holds = outcome.holds
    finally:
        if holds or not arguments.keep:
            shutil.rmtree(root, ignore_errors=True)
        else:
            console.print(f"logs and data are kept in {root}")
        again = f"make chaos KILLS={plan.kills} SEED={seed}" + (f" PLANT={plan.plant}" if plan.plant else "")
        console.print(f"again: {again}", highlight=False)
    return 0 if holds else 1


async def _run(plan: Plan, root: Path, console: Console) -> Outcome:
    """End it in order on SIGTERM too."""
    task = asyncio.create_task(run_chaos(plan, DataDirectory(root), console))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=60, help="how many")
    parser.add_argument("--seed", type=int, help="same seed, same kinds of kills and same choices of the load")
    parser.add_argument("--rate", type=float, default=15.0, help="operations a second")
    parser.add_argument("--freeze", type=float, default=20.0, help="seconds that a frozen process stands still")
    parser.add_argument("--burst", type=int, help="kills before the system is left to recover; 4 to 9 by default")
    parser.add_argument(
        "--session", type=float, default=Plan.session_timeout, help="Kafka's session time-out of the consumers, seconds"
    )
    parser.add_argument("--plant", choices=sorted(PLANTS), help="a defect to plant: the run must find it")
    parser.add_argument("--json", type=Path, default=Path("chaos.json"), help="where the figures go")
    parser.add_argument("--keep", action="store_true", help="keep logs and data of a run that failed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
