"""Memory of the local system as `backorder up` runs it, after it has done some work."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from tests.bench.figures import Measured, Row, at_most
from tests.bench.ground import Ground
from tests.bench.registry import REGISTRY

from backorder_local.data_directory import DataDirectory
from backorder_local.private_files import read_json
from backorder_local.running import running_system
from backorder_local.services import SERVICE_NAMES

READINGS = 3
AT_REST = 6
"""Seconds after the work, by which the last batches and sweeps are done."""
_MB = 1_000_000


@REGISTRY.measures(
    *(
        Row(
            f"memory-{name}",
            f"resident memory (RSS) of the {name} service as `backorder up` runs it, at rest after a replay of a week",
            "MB",
            at_most(120, of="value"),
        )
        for name in SERVICE_NAMES
    ),
    Row(
        "memory-system",
        "all processes of `backorder up`, PostgreSQL, Kafka and supervisor included, after a replay of a week: the sum"
        " of their proportional shares (PSS), which counts memory that processes share once",
        "MB",
        at_most(1_200, of="value"),
    ),
)
async def memory(ground: Ground) -> Mapping[str, Measured]:
    """A second system beside the benches' servers, with servers of its own."""
    measured = {f"memory-{name}": Measured() for name in (*SERVICE_NAMES, "system")}
    root = ground.directory / "system"
    await _backorder(root, "up", "--detach", "--free-ports")
    try:
        await _backorder(root, "replay", "--days", "7")
        directory = DataDirectory(root)
        pids = {part["name"]: part["pid"] for part in read_json(directory.parts)["parts"]}
        supervisor = directory.holder()
        if supervisor is None:
            raise RuntimeError(f"no system runs in {root}")
        running_system(root)
        await asyncio.sleep(AT_REST)
        for _ in range(READINGS):
            for name in SERVICE_NAMES:
                measured[f"memory-{name}"].add(psutil.Process(pids[name]).memory_info().rss / _MB)
            everything = [psutil.Process(supervisor), *psutil.Process(supervisor).children(recursive=True)]
            shares, resident = _sums(everything)
            measured["memory-system"].add(shares)
            measured["memory-system"].note = f"{len(everything)} processes; the sum of their RSS is {resident:.0f} MB"
            await asyncio.sleep(1)
    finally:
        await _backorder(root, "down")
    return measured


def _sums(processes: Sequence[psutil.Process]) -> tuple[float, float]:
    """PSS and RSS of all that still run, in MB."""
    shares = resident = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            full = process.memory_full_info()
            shares += full.pss / _MB
            resident += full.rss / _MB
    return shares, resident


async def _backorder(root: Path, *arguments: str) -> None:
    """Run a command of the local system. RuntimeError with what it said if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backorder_local.cli", *arguments, "--data-dir", str(root),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"backorder {' '.join(arguments)} ended with {process.returncode}:\n{said.decode()[-2000:]}")
