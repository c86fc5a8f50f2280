"""`python -m backorder_verify.chaos`: what `make chaos` runs. Exits with 0 only if nothing was lost or done twice."""

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
from backorder_verify.chaos.run import ChaosPlan, run_chaos


def main() -> int:
    """Run, print the result and write `chaos.json`; returns the exit code."""
    arguments = _parser().parse_args()
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(1_000_000)
    burst = (arguments.burst, arguments.burst) if arguments.burst else ChaosPlan.burst
    plan = ChaosPlan(
        arguments.kills,
        seed,
        arguments.rate,
        arguments.freeze,
        arguments.plant,
        burst,
        arguments.session,
        arguments.skew,
    )
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
        repeat = f"make chaos KILLS={plan.kills} SEED={seed}" + (f" PLANT={plan.plant}" if plan.plant else "")
        console.print(f"repeat with: {repeat}", highlight=False)
    return 0 if holds else 1


async def _run(plan: ChaosPlan, root: Path, console: Console) -> Outcome:
    """Run, and stop every process on SIGTERM too."""
    task = asyncio.create_task(run_chaos(plan, DataDirectory(root), console))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=60, help="number of kills")
    parser.add_argument("--seed", type=int, help="repeats the kinds of kills and the choices of the load")
    parser.add_argument("--rate", type=float, default=15.0, help="operations per second")
    parser.add_argument("--freeze", type=float, default=20.0, help="seconds for which a process is frozen")
    parser.add_argument("--burst", type=int, help="kills before the system may recover; 4 to 9 by default")
    parser.add_argument(
        "--session",
        type=float,
        default=ChaosPlan.session_timeout,
        help="session time-out of consumers, seconds",
    )
    parser.add_argument("--skew", type=float, default=ChaosPlan.clock_skew, help="seconds that clocks are off")
    parser.add_argument("--plant", choices=sorted(PLANTS), help="defect to plant; the run must find it")
    parser.add_argument("--json", type=Path, default=Path("chaos.json"), help="file for the figures")
    parser.add_argument("--keep", action="store_true", help="keep logs and data of a failed run")
    return parser


if __name__ == "__main__":
    sys.exit(main())
