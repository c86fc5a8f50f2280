"""Runs the simulations that were asked for, one at a time, each in a process of its own.

The service itself never loads the numerical libraries; the process gives way to the service.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from functools import partial
from typing import Any

import orjson
import structlog

from allocation_service.application.simulations.run_simulation import (
    claim_simulation,
    fail_simulation,
    finish_simulation,
    note_progress,
)
from allocation_service.application.simulations.simulation_records import Simulation
from allocation_service.application.unit_of_work import Units
from service_kit.commands.execute import execute
from service_kit.hosting.background import repeat

log = structlog.get_logger(__name__)

_BEAT_SECONDS = 5.0
_LARGEST_RESULT = 16 * 1024 * 1024
WORKER = (sys.executable, "-m", "allocation_service.simulation.worker")


class SimulationRunner:
    """A background task; ``wanted`` wakes it, otherwise it looks every ``poll_seconds``."""

    def __init__(
        self, units: Units, wanted: asyncio.Event, poll_seconds: float = 2.0, worker: tuple[str, ...] = WORKER
    ) -> None:
        self._units, self._poll_seconds, self._worker = units, poll_seconds, worker
        self.wanted = wanted

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping``; a simulation under way is then given up and marked as failed."""
        step = partial(self.run_once, stopping)
        await repeat("simulations", step, stopping, every=self._poll_seconds, wanted=self.wanted, more=bool)

    async def run_once(self, stopping: asyncio.Event) -> bool:
        """Run the oldest that waits, if any; True if there was one."""
        simulation, dead = await execute(self._units, claim_simulation)
        if dead:
            log.warning("simulations_died", simulation_ids=dead)
        if simulation is None:
            return False
        failure = "The process that ran it ended without a result."
        try:
            failure = await self._run(simulation, stopping) or ""
        finally:
            if failure:
                await execute(self._units, fail_simulation, simulation.simulation_id, failure)
        return True

    async def _run(self, simulation: Simulation, stopping: asyncio.Event) -> str | None:
        """Why there is no result; None where there is one."""
        process = await asyncio.create_subprocess_exec(
            *self._worker, stdin=PIPE, stdout=PIPE, stderr=None, limit=_LARGEST_RESULT
        )
        reading = asyncio.create_task(self._follow(process, simulation))
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({reading, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else "The service was stopped. Ask for it again."
        finally:
            for task in (reading, stopped):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
            await _end(process)

    async def _follow(self, process: Process, simulation: Simulation) -> str | None:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        process.stdin.write(orjson.dumps(simulation.request) + b"\n")
        await process.stdin.drain()
        done = 0
        line = asyncio.ensure_future(process.stdout.readline())
        while True:
            await asyncio.wait({line}, timeout=_BEAT_SECONDS)
            if line.done():
                said: dict[str, Any] = orjson.loads(line.result()) if line.result() else {"error": None}
                if "rows" in said:
                    await execute(self._units, finish_simulation, simulation.simulation_id, said["rows"])
                    return None
                if "error" in said:
                    return said["error"] or f"The process that ran it ended with status {await process.wait()}."
                done = said["done"]
                line = asyncio.ensure_future(process.stdout.readline())
            await execute(self._units, note_progress, simulation.simulation_id, done)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
