"""``python -m tests.bench``: what ``make bench`` runs. Exits with 0 if every row asked for was measured.

A goal that is missed is shown in the table, and is no error.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import structlog
from rich.console import Console
from tests.bench.figures import Result
from tests.bench.ground import Ground
from tests.bench.registry import REGISTRY, Bench, UnknownRows, split_names
from tests.bench.runner import as_line, print_notes, run_benches, table_of

from backorder_local.private_files import write_json

AREAS = ("ordering", "messaging", "allocating", "deciding", "policies", "running", "reading", "scaling", "memory")
"""Modules that register rows, in the order of the table."""


def main() -> int:
    """Measure, print, write the JSON file; the exit code."""
    arguments = _parser().parse_args()
    for area in AREAS:
        import_module(f"tests.bench.{area}")
    if arguments.list:
        print("\n".join(REGISTRY.names()))  # noqa: T201
        return 0
    try:
        benches = REGISTRY.select(split_names(arguments.rows))
    except UnknownRows as unknown:
        sys.stderr.write(f"{unknown}\n")
        return 2
    console = Console(soft_wrap=True)
    results = _measure(benches, console, keep=arguments.keep)
    console.print(table_of(results))
    print_notes(results, console)
    write_json(arguments.json, [result.as_data() for result in results])
    arguments.json.chmod(0o644)
    console.print(f"written to {arguments.json}", highlight=False)
    return 0 if all(result.value is not None for result in results) else 1


def _measure(benches: Sequence[Bench], console: Console, *, keep: bool) -> list[Result]:
    """Start the servers, run, and leave nothing behind."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    os.umask(0o077)
    # Benches end what they started on the way out, which the default end by SIGTERM would skip.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    root = Path(tempfile.mkdtemp(prefix="backorder-bench-"))
    if os.geteuid() == 0:
        root.chmod(0o711)  # PostgreSQL runs as another account and must pass through
    ground = Ground(root, lambda text: console.print(text, markup=False, highlight=False))

    def show(result: Result) -> None:
        ground.say(as_line(result))

    try:
        ground.start()
        return asyncio.run(run_benches(ground, benches, show))
    finally:
        ground.stop()
        if keep:
            ground.say(f"logs and data are kept in {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", help="names with commas between them; all without it")
    parser.add_argument("--list", action="store_true", help="show the rows' names and end")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    parser.add_argument("--keep", action="store_true", help="keep the logs of what was started")
    return parser


if __name__ == "__main__":
    sys.exit(main())
