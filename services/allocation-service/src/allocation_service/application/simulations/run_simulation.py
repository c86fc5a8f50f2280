"""What a simulation's process tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allocation_service.application.simulations.simulation_records import Simulation
from allocation_service.application.unit_of_work import AllocationUnitOfWork


async def claim_simulation(uow: AllocationUnitOfWork) -> tuple[Simulation | None, list[str]]:
    """Take the oldest simulation that waits, if any, and the ids of those whose process has died.

    Simulations that were finished long ago are forgotten.
    """
    dead = await uow.simulations.fail_silent()
    await uow.simulations.forget_old()
    return await uow.simulations.claim_next(), dead


async def note_progress(uow: AllocationUnitOfWork, simulation_id: str, worlds_done: int) -> None:
    """It is being worked on, and this far."""
    await uow.simulations.beat(simulation_id, worlds_done)


async def finish_simulation(uow: AllocationUnitOfWork, simulation_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store its figures."""
    await uow.simulations.finish(simulation_id, rows)


async def fail_simulation(uow: AllocationUnitOfWork, simulation_id: str, error: str) -> None:
    """Store why there are none."""
    await uow.simulations.fail(simulation_id, error)
